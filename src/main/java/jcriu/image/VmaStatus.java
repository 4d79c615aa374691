package jcriu.image;

/**
 * Bits of {@code vma_entry.status}. Bits from 27 on are a dumper's own notes: clear them when
 * reading, see {@link #TRUSTED}.
 */
public final class VmaStatus {
    public static final int REGULAR = 1 << 0;
    public static final int STACK = 1 << 1;
    public static final int VSYSCALL = 1 << 2;
    public static final int VDSO = 1 << 3;
    public static final int HEAP = 1 << 5;
    public static final int FILE_PRIVATE = 1 << 6;
    public static final int FILE_SHARED = 1 << 7;
    public static final int ANON_SHARED = 1 << 8;
    public static final int ANON_PRIVATE = 1 << 9;
    public static final int SYSVIPC = 1 << 10;
    public static final int SOCKET = 1 << 11;
    public static final int VVAR = 1 << 12;
    public static final int AIO_RING = 1 << 13;
    public static final int MEMFD = 1 << 14;
    public static final int SHADOW_STACK = 1 << 15;
    public static final int GUARD = 1 << 16;
    public static final int UPROBES = 1 << 17;

    /** The bits that mean something in an image. */
    public static final int TRUSTED = (1 << 27) - 1;

    private VmaStatus() {}
}
