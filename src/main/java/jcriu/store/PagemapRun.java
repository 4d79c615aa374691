package jcriu.store;

import jcriu.image.PagemapFlags;

/**
 * Pages that stand one after the other in a task, or an object, and in the pages file.
 *
 * @param vaddr address in the task, or byte offset in a shared object
 * @param nrPages number of 4096-byte pages, at least 1
 * @param flags {@link PagemapFlags}
 * @param pagesOffset byte offset in the pages file, or -1 if the content is not there
 */
public record PagemapRun(long vaddr, long nrPages, int flags, long pagesOffset) {
    public static final int PAGE_SIZE = 4096;

    public boolean present() {
        return (flags & PagemapFlags.PRESENT) != 0;
    }

    /** Whether the content is in the parent image. */
    public boolean inParent() {
        return (flags & PagemapFlags.PARENT) != 0;
    }

    /** Whether the content may be fetched after the task runs again. */
    public boolean lazy() {
        return (flags & PagemapFlags.LAZY) != 0;
    }

    public long lengthBytes() {
        return nrPages * PAGE_SIZE;
    }

    /** Exclusive. */
    public long end() {
        return vaddr + lengthBytes();
    }
}
