package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import java.util.Random;
import java.util.TreeMap;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;

/** Frames of pages, against a plain map. */
class PageFramesTest {
    private static final int PAGE = 4096;
    private static final int SPACE = 3000;

    private final long seed = System.nanoTime();
    private final Random random = new Random(seed);
    private final TreeMap<Long, Long> model = new TreeMap<>();

    private PageFrames some() {
        PageFrames frames = new PageFrames();
        for (long page = 0; page < SPACE; page++) {
            if (random.nextInt(4) > 0) {
                long frame = 1 + random.nextInt(1 << 30);
                model.put(page * PAGE, frame);
                frames.add(page * PAGE, frame);
            }
        }
        return frames;
    }

    private void assertSame(PageFrames frames) {
        for (long page = 0; page < SPACE + 1; page++) {
            assertEquals(
                    model.getOrDefault(page * PAGE, 0L),
                    frames.of(page * PAGE),
                    "page " + page + ", seed " + seed);
        }
    }

    @Test
    void shouldKnowEachPage() {
        assertSame(some());
    }

    @Test
    void shouldComeBackFromAFile() {
        PageFrames frames = some();
        ByteBuffer file = ByteBuffer.allocate(frames.size());
        frames.write(file);
        assertEquals(0, file.remaining(), "size() is what is written");
        assertSame(PageFrames.read(file.flip()));
    }

    /** Of 2 MiB each: huge, of scattered frames, in a row that begins elsewhere, and huge again. */
    @Test
    void shouldTellHugePages() {
        long huge = 2 << 20;
        PageFrames frames = new PageFrames();
        for (int i = 0; i < 512; i++) {
            frames.add(huge + (long) i * PAGE, 7 * 512 + i);
        }
        for (int i = 0; i < 512; i++) {
            frames.add(2 * huge + (long) i * PAGE, 9 * 512 + (i == 0 ? 0 : 1000 - i));
        }
        for (int i = 0; i < 512; i++) {
            frames.add(3 * huge + (long) i * PAGE, 11 * 512 + 1 + i);
        }
        for (int i = 0; i < 512; i++) {
            frames.add(4 * huge + (long) i * PAGE, 512 + i);
        }
        Runs found = frames.huge(Runs.of(0, 6 * huge)); // nothing is in the first and the last
        assertEquals(2, found.size());
        assertEquals(huge, found.start(0));
        assertEquals(2 * huge, found.end(0));
        assertEquals(4 * huge, found.start(1));
        assertEquals(5 * huge, found.end(1));
        Runs part = frames.huge(Runs.of(huge + PAGE, 5 * huge)); // not a whole one
        assertEquals(1, part.size());
        assertEquals(4 * huge, part.start(0));
    }

    @Test
    void shouldForgetRanges() {
        PageFrames frames = some();
        Runs forgotten = new Runs();
        for (long at = 0; at < SPACE; at += 40) {
            long end = at + random.nextInt(40);
            forgotten.add(at * PAGE, end * PAGE);
            model.subMap(at * PAGE, end * PAGE).clear();
        }
        assertSame(frames.without(forgotten));
    }
}
