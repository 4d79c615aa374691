package jcriu.kernel;

/** userfaultfd(2), ioctl_userfaultfd(2), and include/uapi/linux/userfaultfd.h for what is newer. */
public final class UffdConstants {
    public static final int UFFD_USER_MODE_ONLY = 1;
    public static final long UFFD_API = 0xaa;

    /** {@code struct uffdio_api {u64 api, features, ioctls}}. */
    public static final long UFFDIO_API = 0xc018aa3fL;

    /** {@code struct uffdio_register {u64 start, len, mode, ioctls}}. */
    public static final long UFFDIO_REGISTER = 0xc020aa00L;

    public static final long UFFDIO_REGISTER_MODE_WP = 1 << 1;

    /** {@code struct uffdio_writeprotect {u64 start, len, mode}}; mode 0 takes protection away. */
    public static final long UFFDIO_WRITEPROTECT = 0xc018aa06L;

    /** Linux 6.4; needs CONFIG_PTE_MARKER_UFFD_WP. */
    public static final long UFFD_FEATURE_WP_UNPOPULATED = 1 << 13;

    /** Linux 6.7: the kernel itself takes the protection of a page away at the first write. */
    public static final long UFFD_FEATURE_WP_ASYNC = 1 << 15;

    private UffdConstants() {}
}
