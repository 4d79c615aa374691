package jcriu.proc;

/**
 * How the kernel hands out pids.
 *
 * <p>Source: proc_sys_kernel(5), Documentation/admin-guide/sysctl/kernel.rst.
 */
public final class SysPid {
    /** Needs CONFIG_CHECKPOINT_RESTORE; holds the last pid given in our pid namespace. */
    public static final String NS_LAST_PID = "/proc/sys/kernel/ns_last_pid";

    public static final String PID_MAX = "/proc/sys/kernel/pid_max";

    private SysPid() {}

    public static int nsLastPid() {
        return readInt(NS_LAST_PID);
    }

    /** Pids are below this number. */
    public static int pidMax() {
        return readInt(PID_MAX);
    }

    private static int readInt(String path) {
        ProcBuffer buffer = ProcBuffer.read(path);
        return new ByteScanner(path, buffer.bytes(), buffer.lengthBytes()).decimalInt();
    }
}
