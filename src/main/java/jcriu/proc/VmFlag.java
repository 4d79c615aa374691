package jcriu.proc;

/**
 * The two-letter codes of the {@code VmFlags} line in {@code /proc/PID/smaps}.
 *
 * <p>A set of them is a long with one bit each. A code that has no row here sets {@link #UNKNOWN}:
 * a newer kernel knows something about this memory that we do not.
 *
 * <p>Source: Documentation/filesystems/proc.rst, proc_pid_smaps(5).
 */
public enum VmFlag {
    /** Readable. */
    RD(0, "rd"),
    /** Writable. */
    WR(1, "wr"),
    /** Executable. */
    EX(2, "ex"),
    /** Shared. */
    SH(3, "sh"),
    /** May be made readable. */
    MR(4, "mr"),
    /** May be made writable. */
    MW(5, "mw"),
    /** May be made executable. */
    ME(6, "me"),
    /** May be shared. */
    MS(7, "ms"),
    /** Stack segment that grows down. */
    GD(8, "gd"),
    /** Pure page frame numbers, without struct page. */
    PF(9, "pf"),
    /** Writing to the mapped file is denied, older kernels. */
    DW(10, "dw"),
    /** Locked in memory. */
    LO(11, "lo"),
    /** Memory-mapped I/O. */
    IO(12, "io"),
    /** MADV_SEQUENTIAL. */
    SR(13, "sr"),
    /** MADV_RANDOM. */
    RR(14, "rr"),
    /** MADV_DONTFORK. */
    DC(15, "dc"),
    /** mremap(2) may not expand it. */
    DE(16, "de"),
    /** Accounted as committed memory. */
    AC(17, "ac"),
    /** MAP_NORESERVE. */
    NR(18, "nr"),
    /** Huge TLB pages. */
    HT(19, "ht"),
    /** MAP_SYNC: synchronous page faults. */
    SF(20, "sf"),
    /** Non-linear mapping, kernels before 4.0. */
    NL(21, "nl"),
    /** Architecture-specific. */
    AR(22, "ar"),
    /** MADV_WIPEONFORK. */
    WF(23, "wf"),
    /** MADV_DONTDUMP. */
    DD(24, "dd"),
    /** Soft-dirty. */
    SD(25, "sd"),
    /** Mixed map: pages with and without struct page. */
    MM(26, "mm"),
    /** MADV_HUGEPAGE. */
    HG(27, "hg"),
    /** MADV_NOHUGEPAGE. */
    NH(28, "nh"),
    /** MADV_MERGEABLE. */
    MG(29, "mg"),
    /** userfaultfd tracks missing pages. */
    UM(30, "um"),
    /** userfaultfd tracks write protection. */
    UW(31, "uw"),
    /** userfaultfd tracks minor faults. */
    UI(32, "ui"),
    /** Shadow stack. */
    SS(33, "ss"),
    /** mseal(2). */
    SL(34, "sl"),
    /** MAP_DROPPABLE: may be freed under memory pressure. */
    DP(35, "dp"),
    /** MLOCK_ONFAULT. */
    LF(36, "lf"),
    /** arm64: branch target identification. */
    BT(37, "bt"),
    /** arm64: memory tags. */
    MT(38, "mt"),
    /** Intel MPX, kernels before 5.6. */
    MP(39, "mp"),
    /** May hold guard regions, MADV_GUARD_INSTALL. */
    GU(40, "gu"),
    /** Any code that has no row here. */
    UNKNOWN(63, "??");

    private static final long[] MASK_BY_CODE = new long[26 * 26];

    static {
        for (VmFlag flag : values()) {
            if (flag != UNKNOWN) {
                MASK_BY_CODE[index(flag.code.charAt(0), flag.code.charAt(1))] = flag.mask();
            }
        }
    }

    private final int bit;
    private final String code;

    VmFlag(int bit, String code) {
        this.bit = bit;
        this.code = code;
    }

    public long mask() {
        return 1L << bit;
    }

    public String code() {
        return code;
    }

    /** Whether a set of flags holds this one. */
    public boolean in(long flags) {
        return (flags & mask()) != 0;
    }

    /** The set of these flags. */
    public static long of(VmFlag... flags) {
        long set = 0;
        for (VmFlag flag : flags) {
            set |= flag.mask();
        }
        return set;
    }

    /** The codes of a set, as the kernel prints them. */
    public static String describe(long flags) {
        StringBuilder text = new StringBuilder();
        for (VmFlag flag : values()) {
            if (flag.in(flags)) {
                text.append(text.length() == 0 ? "" : " ").append(flag.code);
            }
        }
        return text.toString();
    }

    /** The mask of a two-letter code. */
    static long maskOf(int first, int second) {
        int index = index(first, second);
        long mask = index < 0 ? 0 : MASK_BY_CODE[index];
        return mask != 0 ? mask : UNKNOWN.mask();
    }

    private static int index(int first, int second) {
        int high = first - 'a';
        int low = second - 'a';
        return high < 0 || high >= 26 || low < 0 || low >= 26 ? -1 : high * 26 + low;
    }
}
