package jcriu.store;

import java.util.Arrays;

/** Stands in for SEEK_DATA where holes are only a model: what holds zeros is one. */
final class NonZeroPages {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final byte[] ZEROS = new byte[PAGE];

    private NonZeroPages() {}

    /** The part of {@code offsets} where a file of this content has data. */
    static Runs in(byte[] content, Runs offsets) {
        Runs data = new Runs();
        for (int i = 0; i < offsets.size(); i++) {
            for (long at = offsets.start(i); at < offsets.end(i); at += PAGE) {
                int from = (int) at;
                if (!Arrays.equals(content, from, from + PAGE, ZEROS, 0, PAGE)) {
                    data.add(at, at + PAGE);
                }
            }
        }
        return data;
    }
}
