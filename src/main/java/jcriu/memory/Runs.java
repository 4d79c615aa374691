package jcriu.memory;

import java.util.Arrays;

/** An ascending list of half-open ranges {@code [start, end)} in bytes, page-aligned. */
public final class Runs {
    private long[] bounds = new long[32];
    private int count;
    private long bytes;

    /** Appends a range behind all others; one that touches the last is joined to it. */
    public void add(long start, long end) {
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
}
