package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Random;
import jcriu.store.PageDigests;
import jcriu.store.PageRead;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ContentCheckTest {
    private static final long PAGE = 4096;
    private static final int PAGES = 100_000;

    /** A parent of the same pages, of which some are not the same. */
    private record Changed(Runs runs, boolean[] changed) implements PageRead {
        @Override
        public void read(long start, ByteBuffer to) {
            throw new AssertionError("not asked for");
        }

        @Override
        public void compare(long start, ByteBuffer pages, PageDigests.Hash hash, Runs same) {
            for (long page = start; page < start + pages.remaining(); page += PAGE) {
                if (!changed[(int) (page / PAGE)]) {
                    same.add(page, page + PAGE);
                }
            }
        }

        @Override
        public void close() {}
    }

    private static long expected(Runs present, PageRead parent) {
        try (Workers workers = new Workers()) {
            return ContentCheck.expectedBytes((start, to, length) -> {}, present, parent, workers);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 10, 100})
    void shouldExpectAboutWhatHasChanged(int percent) {
        boolean[] changed = new boolean[PAGES];
        Random random = new Random(percent);
        for (int i = 0; i < PAGES; i++) {
            changed[i] = random.nextInt(100) < percent;
        }
        Runs pages = new Runs();
        for (long page = 0; page < PAGES; page += 7) { // in runs of six
            pages.add(page * PAGE, Math.min(PAGES, page + 6) * PAGE);
        }
        double found = 100.0 * expected(pages, new Changed(pages, changed)) / pages.bytes();
        assertTrue(Math.abs(found - percent) <= percent * 0.3, found + " % of " + percent);
        assertTrue(found <= percent, "more than there is: " + found + " % of " + percent);
    }

    @Test
    void shouldExpectWhatTheParentHasNot() {
        Runs present = new Runs();
        present.add(0, 1000 * PAGE);
        Runs before = new Runs();
        before.add(0, 300 * PAGE);
        assertEquals(700 * PAGE, expected(present, new Changed(before, new boolean[PAGES])));
        assertEquals(1000 * PAGE, expected(present, new Changed(new Runs(), new boolean[0])));
    }
}
