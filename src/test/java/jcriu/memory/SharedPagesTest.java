package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import jcriu.image.PagemapFlags;
import jcriu.store.PagemapRun;
import org.junit.jupiter.api.Test;

class SharedPagesTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;

    /** Runs of {first, last + 1} pages whose content stands back to back. */
    private static List<PagemapRun> runs(int... bounds) {
        List<PagemapRun> runs = new ArrayList<>();
        long offset = 0;
        for (int i = 0; i < bounds.length; i += 2) {
            PagemapRun run =
                    new PagemapRun(
                            (long) bounds[i] * PAGE,
                            bounds[i + 1] - bounds[i],
                            PagemapFlags.PRESENT,
                            offset);
            runs.add(run);
            offset += run.lengthBytes();
        }
        return runs;
    }

    private static Runs ranges(int... bounds) {
        Runs ranges = new Runs();
        for (int i = 0; i < bounds.length; i += 2) {
            ranges.add((long) bounds[i] * PAGE, (long) bounds[i + 1] * PAGE);
        }
        return ranges;
    }

    private static String text(SharedPages pages) {
        StringBuilder text = new StringBuilder();
        for (PagemapRun run : pages.copied()) {
            text.append("copy ").append(run.vaddr() / PAGE).append('+').append(run.nrPages());
            text.append('@').append(run.pagesOffset() / PAGE).append(' ');
        }
        for (SharedPages.Pair pair : pages.compared()) {
            text.append("compare ").append(pair.child().vaddr() / PAGE).append('+');
            text.append(pair.child().nrPages()).append('@');
            text.append(pair.child().pagesOffset() / PAGE).append('=');
            text.append(pair.parentOffset() / PAGE).append(' ');
        }
        for (int i = 0; i < pages.dropped().size(); i++) {
            text.append("drop ").append(pages.dropped().start(i) / PAGE).append('+');
            text.append((pages.dropped().end(i) - pages.dropped().start(i)) / PAGE).append(' ');
        }
        return text.toString().strip();
    }

    @Test
    void shouldCopyAllWhenNothingIsInherited() {
        assertEquals(
                "copy 1+2@0 copy 9+1@2",
                text(new SharedPages(ranges(), runs(1, 10), runs(1, 3, 9, 10))));
    }

    @Test
    void shouldCompareWhatBothHave() {
        assertEquals(
                "copy 22+1@4 compare 10+4@0=5 drop 5+5 drop 20+2",
                text(new SharedPages(ranges(5, 30), runs(5, 14, 20, 22), runs(10, 14, 22, 23))));
    }

    @Test
    void shouldLookOnlyAtInheritedRanges() {
        assertEquals(
                "copy 0+4@0 copy 6+4@6 compare 4+2@4=4",
                text(new SharedPages(ranges(4, 6), runs(0, 10), runs(0, 10))));
    }

    @Test
    void shouldDropNothingBehindTheLastRange() {
        assertEquals("drop 2+1", text(new SharedPages(ranges(2, 3), runs(0, 9), runs())));
    }
}
