package jcriu.kernel;

/** mmap(2), mremap(2), madvise(2) and the pagemap. */
public final class MmanConstants {
    public static final int PROT_NONE = 0;
    public static final int PROT_READ = 1;
    public static final int PROT_WRITE = 2;
    public static final int PROT_EXEC = 4;

    public static final int MAP_SHARED = 1;
    public static final int MAP_PRIVATE = 2;
    public static final int MAP_DROPPABLE = 8;
    public static final int MAP_FIXED = 0x10;
    public static final int MAP_ANONYMOUS = 0x20;
    public static final int MAP_GROWSDOWN = 0x100;
    public static final int MAP_LOCKED = 0x2000;
    public static final int MAP_NORESERVE = 0x4000;
    public static final int MAP_POPULATE = 0x8000;
    public static final int MAP_HUGETLB = 0x40000;
    public static final int MAP_FIXED_NOREPLACE = 0x100000;

    public static final int MREMAP_MAYMOVE = 1;
    public static final int MREMAP_FIXED = 2;

    public static final int MADV_RANDOM = 1;
    public static final int MADV_SEQUENTIAL = 2;
    public static final int MADV_DONTNEED = 4;
    public static final int MADV_DONTFORK = 10;
    public static final int MADV_MERGEABLE = 12;
    public static final int MADV_UNMERGEABLE = 13;
    public static final int MADV_HUGEPAGE = 14;
    public static final int MADV_NOHUGEPAGE = 15;
    public static final int MADV_DONTDUMP = 16;
    public static final int MADV_WIPEONFORK = 18;
    public static final int MADV_POPULATE_WRITE = 23;

    /** ioctl(PAGEMAP_SCAN) on /proc/PID/pagemap, Linux 6.7: _IOWR('f', 16, struct pm_scan_arg). */
    public static final long PAGEMAP_SCAN = 0xc0606610L;

    public static final int PM_SCAN_ARG_SIZE = 96;
    public static final int PAGE_REGION_SIZE = 24;

    /** Protects each page that is told again, if it was written. */
    public static final long PM_SCAN_WP_MATCHING = 1;

    /** Fails with EPERM where a mapping is not watched by an asynchronous userfaultfd. */
    public static final long PM_SCAN_CHECK_WPASYNC = 1 << 1;

    public static final long PAGE_IS_WPALLOWED = 1;
    public static final long PAGE_IS_WRITTEN = 1 << 1;
    public static final long PAGE_IS_FILE = 1 << 2;
    public static final long PAGE_IS_PRESENT = 1 << 3;
    public static final long PAGE_IS_SWAPPED = 1 << 4;
    public static final long PAGE_IS_PFNZERO = 1 << 5;
    public static final long PAGE_IS_HUGE = 1 << 6;
    public static final long PAGE_IS_SOFT_DIRTY = 1 << 7;

    /** Guard regions, Linux 6.13; told by PAGEMAP_SCAN since 6.16. */
    public static final int MADV_GUARD_INSTALL = 102;

    public static final long PAGE_IS_GUARD = 1 << 8;

    public static final int MLOCK_ONFAULT = 1;
    public static final int MCL_FUTURE = 2;
    public static final int MCL_ONFAULT = 4;

    /** The size of huge pages stands in the flags of mmap(2) and memfd_create(2): its logarithm. */
    public static final int MAP_HUGE_SHIFT = 26;

    public static final int PR_SET_VMA = 0x53564d41;
    public static final int PR_SET_VMA_ANON_NAME = 0;
    public static final int PR_SET_MM = 35;
    public static final int PR_SET_MM_MAP = 14;

    private MmanConstants() {}
}
