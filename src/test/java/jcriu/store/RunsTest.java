package jcriu.store;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RunsTest {
    private static final int PAGES = 64;

    @Test
    void shouldJoinWhatTouchesAndGrow() {
        Runs runs = new Runs();
        long bytes = 0;
        for (int i = 0; i < 1000; i++) {
            long start = i * 0x10000L;
            runs.add(start, start + 0x1000);
            runs.add(start + 0x1000, start + 0x3000); // touches
            bytes += 0x3000;
        }
        assertEquals(1000, runs.size());
        assertEquals(bytes, runs.bytes());
        for (int i = 0; i < 1000; i++) {
            assertEquals(i * 0x10000L, runs.start(i));
            assertEquals(i * 0x10000L + 0x3000, runs.end(i));
        }
    }

    @Test
    void shouldGrowBehindAnAnswer() {
        Runs none = new Runs();
        for (Runs answer : List.of(none.and(none), none.or(none), none.minus(none))) {
            for (int i = 0; i < 100; i++) {
                answer.add(i * 0x10000L, i * 0x10000L + 0x1000);
            }
            assertEquals(100, answer.size());
        }
        Runs all = Runs.of(0, 0x1000);
        all.addAll(none);
        all.addAll(Runs.of(0x1000, 0x3000)); // touches
        all.addAll(Runs.of(0x5000, 0x6000).or(Runs.of(0x8000, 0x9000)));
        assertEquals(3, all.size());
        assertEquals(0x5000, all.bytes());
    }

    /** And, or, minus against sets of pages. */
    @Test
    void shouldAgreeWithAPlainModel() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 3000; round++) {
            BitSet a = pages(random);
            BitSet b = pages(random);
            String where = "seed " + seed + ", round " + round + ": " + a + " and " + b;
            BitSet expected = (BitSet) a.clone();
            expected.and(b);
            assertEquals(expected, model(runs(a).and(runs(b)), where), where);
            expected = (BitSet) a.clone();
            expected.or(b);
            assertEquals(expected, model(runs(a).or(runs(b)), where), where);
            expected = (BitSet) a.clone();
            expected.andNot(b);
            assertEquals(expected, model(runs(a).minus(runs(b)), where), where);
        }
    }

    @Test
    void shouldFindWholeBlocks() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 3000; round++) {
            BitSet pages = pages(random);
            String where = "seed " + seed + ", round " + round + ": " + pages;
            BitSet expected = new BitSet();
            for (int block = 0; block < PAGES + 12; block += 4) {
                if (pages.nextClearBit(block) >= block + 4) {
                    expected.set(block, block + 4);
                }
            }
            assertEquals(expected, model(runs(pages).blocks(4 * 4096), where), where);
        }
    }

    private static BitSet pages(Random random) {
        BitSet pages = new BitSet();
        for (int i = random.nextInt(6); i > 0; i--) {
            int start = random.nextInt(PAGES);
            pages.set(start, start + random.nextInt(12));
        }
        return pages;
    }

    private static Runs runs(BitSet pages) {
        Runs runs = new Runs();
        for (int i = pages.nextSetBit(0); i >= 0; i = pages.nextSetBit(pages.nextClearBit(i))) {
            runs.add(4096L * i, 4096L * pages.nextClearBit(i));
        }
        return runs;
    }

    private static BitSet model(Runs runs, String where) {
        BitSet pages = new BitSet();
        long bytes = 0;
        for (int i = 0; i < runs.size(); i++) {
            assertTrue(runs.start(i) < runs.end(i), where);
            assertTrue(i == 0 || runs.end(i - 1) < runs.start(i), where);
            pages.set((int) (runs.start(i) / 4096), (int) (runs.end(i) / 4096));
            bytes += runs.end(i) - runs.start(i);
        }
        assertEquals(bytes, runs.bytes(), where);
        return pages;
    }
}
