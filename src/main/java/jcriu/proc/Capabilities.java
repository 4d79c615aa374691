package jcriu.proc;

/**
 * A set of capabilities.
 *
 * <p>Source: capabilities(7), linux/capability.h.
 *
 * @param mask capability n in bit n
 */
public record Capabilities(long mask) {
    public static final int CAP_CHOWN = 0;
    public static final int CAP_DAC_OVERRIDE = 1;
    public static final int CAP_DAC_READ_SEARCH = 2;
    public static final int CAP_FOWNER = 3;
    public static final int CAP_KILL = 5;
    public static final int CAP_SETGID = 6;
    public static final int CAP_SETUID = 7;
    public static final int CAP_SETPCAP = 8;
    public static final int CAP_NET_ADMIN = 12;
    public static final int CAP_NET_RAW = 13;
    public static final int CAP_IPC_LOCK = 14;
    public static final int CAP_SYS_CHROOT = 18;
    public static final int CAP_SYS_PTRACE = 19;
    public static final int CAP_SYS_ADMIN = 21;
    public static final int CAP_SYS_NICE = 23;
    public static final int CAP_SYS_RESOURCE = 24;
    public static final int CAP_SYS_TIME = 25;
    public static final int CAP_CHECKPOINT_RESTORE = 40;

    /** The effective set of our own process. */
    public static Capabilities effective() {
        return new Capabilities(Status.readFile("/proc/self/status").capEff());
    }

    public boolean has(int cap) {
        return (mask >>> cap & 1) != 0;
    }
}
