package jcriu.kernel;

/** open(2), fcntl(2), lseek(2), stat(2) and the calls that make descriptors. */
public final class FileConstants {
    public static final int AT_FDCWD = -100;
    public static final int AT_EMPTY_PATH = 0x1000;
    public static final int AT_SYMLINK_NOFOLLOW = 0x100;
    public static final int AT_REMOVEDIR = 0x200;
    public static final int AT_SYMLINK_FOLLOW = 0x400;

    public static final int FALLOC_FL_KEEP_SIZE = 1;
    public static final int FALLOC_FL_PUNCH_HOLE = 2;

    public static final int O_RDONLY = 0;
    public static final int O_WRONLY = 1;
    public static final int O_RDWR = 2;
    public static final int O_ACCMODE = 3;
    public static final int O_CREAT = 0100;
    public static final int O_EXCL = 0200;
    public static final int O_NOCTTY = 0400;
    public static final int O_TRUNC = 01000;
    public static final int O_APPEND = 02000;
    public static final int O_NONBLOCK = 04000;
    public static final int O_ASYNC = 020000;
    public static final int O_DIRECT = 040000;
    public static final int O_LARGEFILE = 0100000;
    public static final int O_DIRECTORY = 0200000;
    public static final int O_NOFOLLOW = 0400000;
    public static final int O_NOATIME = 01000000;
    public static final int O_CLOEXEC = 02000000;
    public static final int O_PATH = 010000000;

    /** Of {@link #O_TMPFILE}, without O_DIRECTORY. */
    public static final int O_TMPFILE_ALONE = 020000000;

    public static final int O_TMPFILE = 020200000;

    public static final int F_GETFD = 1;
    public static final int F_SETFD = 2;
    public static final int F_SETFL = 4;
    public static final int F_SETOWN = 8;
    public static final int F_SETSIG = 10;
    public static final int F_GETSIG = 11;
    public static final int F_SETOWN_EX = 15;
    public static final int F_GETOWN_EX = 16;
    public static final int F_GETOWNER_UIDS = 17;
    public static final int F_OWNER_PGRP = 2;
    public static final int F_SETLEASE = 1024;
    public static final int F_DUPFD_CLOEXEC = 1030;
    public static final int F_SETPIPE_SZ = 1031;
    public static final int F_GETPIPE_SZ = 1032;
    public static final int F_ADD_SEALS = 1033;
    public static final int F_GET_SEALS = 1034;
    public static final int FD_CLOEXEC = 1;
    public static final int F_SEAL_SEAL = 1;
    public static final int F_SEAL_SHRINK = 2;
    public static final int F_SEAL_FUTURE_WRITE = 0x10;

    public static final int LOCK_SH = 1;
    public static final int LOCK_EX = 2;
    public static final int LOCK_NB = 4;

    public static final int SEEK_SET = 0;
    public static final int SEEK_CUR = 1;
    public static final int SEEK_DATA = 3;
    public static final int SEEK_HOLE = 4;

    public static final int S_IFMT = 0170000;
    public static final int S_IFIFO = 0010000;
    public static final int S_IFCHR = 0020000;
    public static final int S_IFDIR = 0040000;
    public static final int S_IFBLK = 0060000;
    public static final int S_IFREG = 0100000;
    public static final int S_IFLNK = 0120000;
    public static final int S_IFSOCK = 0140000;

    public static final int MFD_CLOEXEC = 1;
    public static final int MFD_ALLOW_SEALING = 2;
    public static final int MFD_HUGETLB = 4;

    public static final int EPOLL_CTL_ADD = 1;
    public static final int EPOLL_CTL_MOD = 3;
    public static final int EPOLLIN = 1;
    public static final int EPOLLPRI = 2;
    public static final int EPOLLOUT = 4;
    public static final int EPOLLONESHOT = 1 << 30;
    public static final int IN_ATTRIB = 4;
    public static final int IN_ALL_EVENTS = 0xfff;
    public static final int IN_EXCL_UNLINK = 1 << 26;
    public static final int IN_MASK_CREATE = 1 << 28;
    public static final int IN_ONESHOT = 1 << 31;
    public static final int FAN_CLASS_CONTENT = 4;
    public static final int FAN_CLASS_PRE_CONTENT = 8;
    public static final int FAN_MARK_ADD = 1;
    public static final int FAN_MARK_MOUNT = 0x10;
    public static final int FAN_MARK_IGNORED_MASK = 0x20;
    public static final int FAN_MARK_IGNORED_SURV_MODIFY = 0x40;
    public static final int FAN_MARK_EVICTABLE = 0x200;
    public static final int FAN_MARK_IGNORE = 0x400;
    public static final long FIONREAD = 0x541B;
    public static final int TFD_TIMER_ABSTIME = 1;
    public static final int TFD_TIMER_CANCEL_ON_SET = 2;
    public static final int PIDFD_THREAD = 0200;
    public static final int EFD_SEMAPHORE = 1;
    public static final int SPLICE_F_NONBLOCK = 2;

    public static final int KCMP_FILE = 0;
    public static final int KCMP_VM = 1;
    public static final int KCMP_FILES = 2;
    public static final int KCMP_FS = 3;
    public static final int KCMP_SIGHAND = 4;
    public static final int KCMP_IO = 5;
    public static final int KCMP_EPOLL_TFD = 7;

    public static final long TCGETS = 0x5401;
    public static final long TCSETS = 0x5402;
    public static final long TCXONC = 0x540A;
    public static final int TCOOFF = 0;
    public static final int TCOON = 1;
    public static final long TIOCSCTTY = 0x540E;
    public static final long TIOCGPGRP = 0x540F;
    public static final long TIOCSPGRP = 0x5410;
    public static final long TIOCGWINSZ = 0x5413;
    public static final long TIOCSWINSZ = 0x5414;
    public static final long TIOCGSID = 0x5429;
    public static final long TIOCGETD = 0x5424;
    public static final long TIOCEXCL = 0x540C;
    public static final long TIOCPKT = 0x5420;
    public static final long TIOCGPTN = 0x80045430L;
    public static final long TIOCSPTLCK = 0x40045431L;
    public static final long TIOCGDEV = 0x80045432L;
    public static final long TIOCGEXCL = 0x80045440L;
    public static final long TIOCGPKT = 0x80045438L;
    public static final long TIOCGPTLCK = 0x80045439L;
    public static final long TFD_IOC_SET_TICKS = 0x40085400L;

    private FileConstants() {}
}
