package jcriu.memory;

import jcriu.store.PageRead;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;

/**
 * A tracker's fault, for a test of the tests: with {@code -Djcriu.tracker=loses-a-write} each dump
 * leaves one page to the parent that was written since.
 */
public final class LostWrites {
    private static final boolean ON = "loses-a-write".equals(System.getProperty("jcriu.tracker"));

    private LostWrites() {}

    /** What a tracker says, or that with one more page, from the middle of what was written. */
    public static Runs in(Runs unchanged, Runs present, PageRead parent) {
        if (!ON) {
            return unchanged;
        }
        Runs written = present.and(parent.runs()).minus(unchanged);
        if (written.isEmpty()) {
            return unchanged;
        }
        Runs lost = new Runs();
        long page = written.start(written.size() / 2);
        lost.add(page, page + PagemapRun.PAGE_SIZE);
        return unchanged.or(lost);
    }
}
