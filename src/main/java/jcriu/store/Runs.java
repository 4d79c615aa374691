package jcriu.store;

import java.util.Arrays;

/** An ascending list of half-open ranges {@code [start, end)} in bytes, page-aligned. */
public final class Runs {
    private long[] bounds;
    private int count;
    private long bytes;

    public Runs() {
        this(16);
    }

    /** With room for so many. */
    private Runs(int most) {
        bounds = new long[2 * Math.max(1, most)];
    }

    /** One range. */
    public static Runs of(long start, long end) {
        Runs one = new Runs(1);
        one.add(start, end);
        return one;
    }

    /** Appends ranges that lie behind all others. */
    public void addAll(Runs others) {
        for (int i = 0; i < others.count; i++) {
            add(others.start(i), others.end(i));
        }
    }

    /** Appends a range behind all others; one that touches the last is joined to it. */
    public void add(long start, long end) {
        if (start >= end) {
            return;
        }
        if (count > 0 && bounds[2 * count - 1] == start) {
            bounds[2 * count - 1] = end;
        } else {
            if (2 * count == bounds.length) {
                bounds = Arrays.copyOf(bounds, bounds.length * 2);
            }
            bounds[2 * count] = start;
            bounds[2 * count + 1] = end;
            count++;
        }
        bytes += end - start;
    }

    public int size() {
        return count;
    }

    public boolean isEmpty() {
        return count == 0;
    }

    public long start(int i) {
        return bounds[2 * i];
    }

    public long end(int i) {
        return bounds[2 * i + 1];
    }

    /** Sum of the lengths. */
    public long bytes() {
        return bytes;
    }

    /** The whole blocks in it, of a size, a power of two, and at its multiples. */
    public Runs blocks(long size) {
        Runs blocks = new Runs(count);
        for (int i = 0; i < count; i++) {
            blocks.add(start(i) + size - 1 & -size, end(i) & -size);
        }
        return blocks;
    }

    /** What lies in both. */
    public Runs and(Runs other) {
        Runs both = new Runs(count + other.count);
        int j = 0;
        for (int i = 0; i < count; i++) {
            while (j < other.count && other.end(j) <= start(i)) {
                j++;
            }
            for (int k = j; k < other.count && other.start(k) < end(i); k++) {
                both.add(Math.max(start(i), other.start(k)), Math.min(end(i), other.end(k)));
            }
        }
        return both;
    }

    /** What lies here and not in the other. */
    public Runs minus(Runs other) {
        Runs rest = new Runs(count + other.count);
        int j = 0;
        for (int i = 0; i < count; i++) {
            long at = start(i);
            while (j < other.count && other.end(j) <= at) {
                j++;
            }
            for (int k = j; k < other.count && other.start(k) < end(i); k++) {
                rest.add(at, other.start(k));
                at = Math.max(at, other.end(k));
            }
            rest.add(at, end(i));
        }
        return rest;
    }

    /** What lies in one or the other. */
    public Runs or(Runs other) {
        Runs all = new Runs(count + other.count);
        int i = 0;
        int j = 0;
        long start = 0;
        long end = -1;
        while (i < count || j < other.count) {
            boolean ours = j == other.count || i < count && start(i) <= other.start(j);
            long nextStart = ours ? start(i) : other.start(j);
            long nextEnd = ours ? end(i++) : other.end(j++);
            if (end >= 0 && nextStart <= end) {
                end = Math.max(end, nextEnd);
                continue;
            }
            all.add(start, end);
            start = nextStart;
            end = nextEnd;
        }
        all.add(start, end);
        return all;
    }
}
