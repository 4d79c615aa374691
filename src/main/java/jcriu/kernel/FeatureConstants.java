package jcriu.kernel;

/** What the probes of {@code check} need and nothing else here does. */
public final class FeatureConstants {
    // unshare(2), clone3(2)
    public static final long CLONE_NEWTIME = 0x80;
    public static final long CLONE_NEWCGROUP = 0x02000000;
    public static final long CLONE_NEWUSER = 0x10000000;

    // ioctl_userfaultfd(2)
    public static final long UFFD_FEATURE_EVENT_FORK = 1 << 1;
    public static final long UFFD_FEATURE_EVENT_REMAP = 1 << 2;
    public static final long UFFD_FEATURE_EVENT_REMOVE = 1 << 3;
    public static final long UFFD_FEATURE_EVENT_UNMAP = 1 << 6;

    // sockets and network devices
    public static final int SOL_SOCKET = 1;
    public static final int SO_BUF_LOCK = 72;
    public static final long SIOCGSKNS = 0x894c;
    public static final long SIOCUNIXFILE = 0x89e0;
    public static final long TUNGETFEATURES = 0x800454cfL;

    /** arch_prctl(2), x86-64. */
    public static final int ARCH_MAP_VDSO_64 = 0x2003;

    private FeatureConstants() {}
}
