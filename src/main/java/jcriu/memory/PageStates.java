package jcriu.memory;

import java.util.Map;
import java.util.TreeMap;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;

/**
 * What is known of each page of a shared object, two bits a page. Several may have a word on it,
 * the object itself and tasks that map it; the strongest counts. A dump asks the object alone, and
 * then reads content: no tracker is asked about shared memory (docs/adr/0017), so nothing is DIRTY.
 *
 * <pre>
 *   task 1, pages 0-5    U U D . . .          .  DONT_DUMP   never used
 *   task 2, pages 3-7          U . D . .      0  ZERO        all zeros
 *   the object           U U U U . U U .      U  DUMP        used
 *   together             U U D U . D U .      D  DIRTY       used, and written since the last round
 * </pre>
 *
 * Page tables alone do not tell: a page written by a task that has died, or one that was swapped
 * out, stands in nobody's. So the object's own word is always asked for, and is enough; marks only
 * make it stronger.
 *
 * <p>The map grows with what is said of it, and takes 16 KiB for each 256 MiB of which anything is
 * known. Made for one thread.
 */
public final class PageStates {
    /** The weakest first. */
    public enum State {
        /** Nobody knows the page: it reads as zeros, and is not stored. */
        DONT_DUMP,
        /** It holds zeros, and is not stored either. */
        ZERO,
        /** It holds something. */
        DUMP,
        /** It holds something, and was certainly written since the last round. */
        DIRTY
    }

    /** Takes pages that stand together and have the same state. */
    public interface Visit {
        void run(long start, long end, State state);
    }

    private static final State[] STATES = State.values();
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final int WORDS = 1024;
    private static final long BLOCK_PAGES = 64L * WORDS;

    /** A block has the high bits of its pages, then the low ones; none: all DONT_DUMP. */
    private final TreeMap<Long, long[]> blocks = new TreeMap<>();

    private long pages;

    /** Bytes up to the end of the last page that anything was said of. */
    public long bytes() {
        return pages * PAGE;
    }

    /**
     * Adds a word on the pages of {@code [start, end)}: those that have a weaker state get this.
     *
     * @param start bytes, page-aligned, as is {@code end}
     */
    public void merge(long start, long end, State state) {
        if (start < 0 || (start | end) % PAGE != 0) {
            throw new IllegalArgumentException("no pages: " + start + " to " + end);
        }
        if (start >= end) {
            return;
        }
        pages = Math.max(pages, end / PAGE);
        if (state == State.DONT_DUMP) {
            return;
        }
        long last = end / PAGE - 1;
        for (long word = start / PAGE >> 6; word <= last >> 6; word++) {
            long mask = -1L;
            if (word == start / PAGE >> 6) {
                mask &= -1L << (start / PAGE);
            }
            if (word == last >> 6) {
                mask &= -1L >>> (63 - last);
            }
            int strength = state.ordinal();
            merge(word, (strength & 2) != 0 ? mask : 0, (strength & 1) != 0 ? mask : 0);
        }
    }

    /** The same for ranges. */
    public void merge(Runs runs, State state) {
        for (int i = 0; i < runs.size(); i++) {
            merge(runs.start(i), runs.end(i), state);
        }
    }

    /** Adds all that another map says of the same object. */
    public void merge(PageStates other) {
        pages = Math.max(pages, other.pages);
        for (Map.Entry<Long, long[]> theirs : other.blocks.entrySet()) {
            long[] block = theirs.getValue();
            for (int w = 0; w < WORDS; w++) {
                if ((block[w] | block[WORDS + w]) != 0) {
                    merge(theirs.getKey() * WORDS + w, block[w], block[WORDS + w]);
                }
            }
        }
    }

    /** The stronger of two states, for 64 pages at once. */
    private void merge(long word, long high, long low) {
        long[] block = block(word / WORDS);
        int w = (int) (word % WORDS);
        long ourHigh = block[w];
        long ourLow = block[WORDS + w];
        block[w] = ourHigh | high;
        block[WORDS + w] = ourLow & (ourHigh | ~high) | low & (high | ~ourHigh);
    }

    private long[] block(long index) {
        return blocks.computeIfAbsent(index, i -> new long[2 * WORDS]);
    }

    /**
     * Says of pages that their content was read, and is zeros. No mark is stronger than that: it
     * says that something was written, not what.
     */
    public void foundZero(Runs runs) {
        for (int i = 0; i < runs.size(); i++) {
            for (long page = runs.start(i) / PAGE; page < runs.end(i) / PAGE; page++) {
                long[] block = block(page / BLOCK_PAGES);
                int w = (int) (page / 64 % WORDS);
                block[w] &= ~(1L << page);
                block[WORDS + w] |= 1L << page;
            }
            pages = Math.max(pages, runs.end(i) / PAGE);
        }
    }

    /** The state of the page that begins at this byte. */
    public State of(long start) {
        long page = start / PAGE;
        long[] block = blocks.get(page / BLOCK_PAGES);
        return block == null
                ? State.DONT_DUMP
                : state(block, (int) (page / 64 % WORDS), (int) (page % 64));
    }

    private static State state(long[] block, int w, int bit) {
        return STATES[(int) (block[w] >>> bit & 1) << 1 | (int) (block[WORDS + w] >>> bit & 1)];
    }

    /** Tells of all pages, in their order, in the longest runs of equal state. */
    public void visit(Visit visit) {
        State state = null;
        long start = 0;
        long page = 0;
        while (page < pages) {
            long[] block = blocks.get(page / BLOCK_PAGES);
            State next;
            long length;
            if (block == null) {
                next = State.DONT_DUMP;
                Long known = blocks.higherKey(page / BLOCK_PAGES);
                length = known == null ? pages - page : known * BLOCK_PAGES - page;
            } else {
                int w = (int) (page / 64 % WORDS);
                int bit = (int) (page % 64);
                next = state(block, w, bit);
                length =
                        Math.min(
                                64 - bit,
                                Long.numberOfTrailingZeros(others(block, w, next) >>> bit));
            }
            if (next != state) {
                if (state != null) {
                    visit.run(start * PAGE, page * PAGE, state);
                }
                state = next;
                start = page;
            }
            page = Math.min(pages, page + length);
        }
        if (state != null) {
            visit.run(start * PAGE, pages * PAGE, state);
        }
    }

    /** Which of 64 pages have another state. */
    private static long others(long[] block, int w, State state) {
        long high = (state.ordinal() & 2) != 0 ? ~block[w] : block[w];
        long low = (state.ordinal() & 1) != 0 ? ~block[WORDS + w] : block[WORDS + w];
        return high | low;
    }

    /** The pages that have this state. */
    public Runs with(State state) {
        Runs runs = new Runs();
        visit(
                (start, end, is) -> {
                    if (is == state) {
                        runs.add(start, end);
                    }
                });
        return runs;
    }

    /** The pages that hold something: DUMP and DIRTY. */
    public Runs used() {
        Runs runs = new Runs();
        visit(
                (start, end, is) -> {
                    if (is == State.DUMP || is == State.DIRTY) {
                        runs.add(start, end);
                    }
                });
        return runs;
    }
}
