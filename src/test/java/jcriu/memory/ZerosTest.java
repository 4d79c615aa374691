package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.kenai.jffi.MemoryIO;
import java.util.Random;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;

class ZerosTest {
    private static final int PAGE = 4096;
    private static final int PAGES = 5000;

    /** A page with a single bit anywhere is no page of zeros. */
    @Test
    void shouldFindPagesOfZerosAndNoOthers() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] memory = new byte[PAGES * PAGE];
        Runs asked = new Runs();
        Runs expected = new Runs();
        for (int page = 0; page < PAGES; page++) {
            boolean zeros = random.nextBoolean();
            if (!zeros) {
                memory[page * PAGE + random.nextInt(PAGE)] = (byte) (1 << random.nextInt(8));
            }
            if (random.nextInt(5) > 0) {
                asked.add((long) page * PAGE, (page + 1L) * PAGE);
                if (zeros) {
                    expected.add((long) page * PAGE, (page + 1L) * PAGE);
                }
            }
        }
        PageXfer.Source source =
                (start, to, length) ->
                        MemoryIO.getInstance().putByteArray(to, memory, (int) start, (int) length);
        try (Workers workers = new Workers()) {
            Runs found = Zeros.in(source, asked, workers);
            assertEquals(expected.bytes(), found.bytes(), "seed " + seed);
            assertEquals(0, found.minus(expected).bytes(), "seed " + seed);
        }
    }
}
