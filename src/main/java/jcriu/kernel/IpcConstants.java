package jcriu.kernel;

/** System V IPC: shmget(2), shmat(2), shmctl(2). */
public final class IpcConstants {
    public static final int IPC_PRIVATE = 0;
    public static final int IPC_CREAT = 01000;
    public static final int IPC_EXCL = 02000;

    public static final int IPC_RMID = 0;
    public static final int IPC_SET = 1;
    public static final int SHM_LOCK = 11;

    public static final int SHM_RDONLY = 010000;
    public static final int SHM_HUGETLB = 04000;

    /** Bits of {@code shm_perm.mode} beside the permissions. */
    public static final int SHM_DEST = 01000;

    public static final int SHM_LOCKED = 02000;

    private IpcConstants() {}
}
