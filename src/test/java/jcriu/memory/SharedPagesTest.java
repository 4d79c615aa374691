package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;

class SharedPagesTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;

    /** Ranges of {first, last + 1} pages. */
    private static Runs runs(int... bounds) {
        Runs runs = new Runs();
        for (int i = 0; i < bounds.length; i += 2) {
            runs.add((long) bounds[i] * PAGE, (long) bounds[i + 1] * PAGE);
        }
        return runs;
    }

    private static String text(Runs runs) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < runs.size(); i++) {
            out.append(' ').append(runs.start(i) / PAGE).append('-').append(runs.end(i) / PAGE);
        }
        return out.toString();
    }

    private static String text(SharedPages pages) {
        return "copy"
                + text(pages.copied())
                + " compare"
                + text(pages.compared())
                + " drop"
                + text(pages.dropped());
    }

    @Test
    void shouldCopyAllWhereNothingIsInherited() {
        assertEquals(
                "copy 1-3 9-10 compare drop",
                text(SharedPages.of(runs(), runs(1, 10), runs(1, 3, 9, 10))));
    }

    @Test
    void shouldSortPagesByWhoHasThem() {
        assertEquals(
                "copy 22-23 compare 10-14 drop 5-10 20-22",
                text(SharedPages.of(runs(5, 30), runs(5, 14, 20, 22), runs(10, 14, 22, 23))));
    }

    @Test
    void shouldSplitAtTheEdgesOfWhatIsInherited() {
        assertEquals(
                "copy 0-4 6-10 compare 4-6 drop",
                text(SharedPages.of(runs(4, 6), runs(0, 10), runs(0, 10))));
    }

    @Test
    void shouldDropOnlyWhatIsInherited() {
        assertEquals("copy compare drop 2-3", text(SharedPages.of(runs(2, 3), runs(0, 9), runs())));
    }
}
