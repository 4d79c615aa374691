package jcriu.image;

/** Bits of {@code pagemap_entry.flags}. */
public final class PagemapFlags {
    /** The content is in the parent image. */
    public static final int PARENT = 1;

    /** May be left behind for a lazy restore. */
    public static final int LAZY = 2;

    /** The content is in this pages file. */
    public static final int PRESENT = 4;

    private PagemapFlags() {}
}
