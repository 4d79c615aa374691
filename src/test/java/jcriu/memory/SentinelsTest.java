package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.ByteBuffer;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;

class SentinelsTest {
    private static final int PAGE = 4096;

    private final Sentinels sentinels =
            new Sentinels(
                    new long[] {9 * PAGE, 2 * PAGE, 3 * PAGE, 5 * PAGE},
                    new boolean[] {true, true, true, false});

    @Test
    void shouldComeBackFromAFile() {
        ByteBuffer file = ByteBuffer.allocate(sentinels.size());
        sentinels.write(file);
        assertEquals(0, file.remaining(), "size() is what is written");
        Sentinels again = Sentinels.read(file.flip());
        assertArrayEquals(sentinels.pages(), again.pages());
        assertArrayEquals(sentinels.set(), again.set());
    }

    @Test
    void shouldNameThePagesThatWereMarkedInOrder() {
        Runs marked = sentinels.marked();
        assertEquals(2, marked.size());
        assertEquals(2 * PAGE, marked.start(0));
        assertEquals(4 * PAGE, marked.end(0));
        assertEquals(9 * PAGE, marked.start(1));
        assertEquals(10 * PAGE, marked.end(1));
    }
}
