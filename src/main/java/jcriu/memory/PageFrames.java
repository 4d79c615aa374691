package jcriu.memory;

import java.nio.ByteBuffer;
import java.util.Arrays;
import jcriu.store.Runs;

/**
 * Which frame of physical memory each page of a task is in, at one moment: pages that have another
 * one later are other pages, or have been moved.
 */
final class PageFrames {
    private static final int PAGE = 4096;
    private static final long HUGE = 2 << 20;

    private final Runs runs = new Runs();
    private long[] frames = new long[1024];
    private int count;

    /** Position in {@link #frames} of the first page of each run; made when it is first needed. */
    private int[] first;

    /** Appends a page behind all others. */
    void add(long address, long frame) {
        if (count == frames.length) {
            frames = Arrays.copyOf(frames, count * 2);
        }
        runs.add(address, address + PAGE);
        frames[count++] = frame;
    }

    /** The frame of a page, or 0 if that is not known. */
    long of(long address) {
        int low = 0;
        int high = runs.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (runs.end(middle) <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if (low == runs.size() || runs.start(low) > address) {
            return 0;
        }
        return frames[first()[low] + (int) ((address - runs.start(low)) / PAGE)];
    }

    /**
     * The whole huge pages of 2 MiB in some ranges: their first frame stands at a multiple of that,
     * and their last where it must. Now and then small pages stand so by chance.
     */
    Runs huge(Runs ranges) {
        Runs huge = new Runs();
        Runs blocks = ranges.blocks(HUGE);
        for (int i = 0; i < blocks.size(); i++) {
            for (long at = blocks.start(i); at < blocks.end(i); at += HUGE) {
                long head = of(at);
                if (head % (HUGE / PAGE) == 0 && of(at + HUGE - PAGE) == head + HUGE / PAGE - 1) {
                    huge.add(at, at + HUGE);
                }
            }
        }
        return huge;
    }

    private synchronized int[] first() {
        if (first == null || first.length != runs.size()) {
            int[] positions = new int[runs.size()];
            int position = 0;
            for (int i = 0; i < positions.length; i++) {
                positions[i] = position;
                position += (int) ((runs.end(i) - runs.start(i)) / PAGE);
            }
            first = positions;
        }
        return first;
    }

    /** The same without the pages of some ranges. */
    PageFrames without(Runs ranges) {
        PageFrames rest = new PageFrames();
        Runs kept = runs.minus(ranges);
        for (int i = 0; i < kept.size(); i++) {
            for (long at = kept.start(i); at < kept.end(i); at += PAGE) {
                rest.add(at, of(at));
            }
        }
        return rest;
    }

    /** Bytes that {@link #write} needs. */
    int size() {
        return 4 + 16 * runs.size() + 8 * count;
    }

    void write(ByteBuffer to) {
        to.putInt(runs.size());
        int at = 0;
        for (int i = 0; i < runs.size(); i++) {
            to.putLong(runs.start(i)).putLong(runs.end(i));
            for (long page = runs.start(i); page < runs.end(i); page += PAGE) {
                to.putLong(frames[at++]);
            }
        }
    }

    static PageFrames read(ByteBuffer from) {
        PageFrames frames = new PageFrames();
        for (int run = from.getInt(); run > 0; run--) {
            long page = from.getLong();
            for (long end = from.getLong(); page < end; page += PAGE) {
                frames.add(page, from.getLong());
            }
        }
        return frames;
    }
}
