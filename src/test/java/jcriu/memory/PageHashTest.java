package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.kenai.jffi.Library;
import java.nio.ByteBuffer;
import java.util.Random;
import jcriu.store.PageDigests;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** xxHash's library against hash4j. */
class PageHashTest {
    private static final int PAGE = 4096;

    @BeforeAll
    static void requireLibrary() {
        assumeTrue(Library.openLibrary("libxxhash.so.0", Library.LAZY) != null, "no libxxhash");
        assertTrue(PageHash.isNative(), "libxxhash is there, and is not used");
    }

    @Test
    void shouldDigestAsHash4jDoes() {
        Random random = new Random(4711);
        for (int round = 0; round < 200; round++) {
            ByteBuffer pages = ByteBuffer.allocateDirect(random.nextInt(9) * PAGE);
            fill(pages, round, random);
            assertArrayEquals(PageDigests.of(pages), PageHash.of(pages), "round " + round);
        }
    }

    @Test
    void shouldDigestWhatRemains() {
        ByteBuffer pages = ByteBuffer.allocateDirect(4 * PAGE + 8);
        fill(pages, 3, new Random(1));
        pages.position(8).limit(8 + 2 * PAGE); // pages of a caller need not be aligned
        assertArrayEquals(PageDigests.of(pages), PageHash.of(pages));
        assertEquals(8, pages.position());
    }

    @Test
    void shouldTellAnyBitFromAnother() {
        ByteBuffer pages = ByteBuffer.allocateDirect(PAGE);
        long[] zeros = PageHash.of(pages);
        for (int bit = 0; bit < 8 * PAGE; bit += 7) {
            pages.put(bit / 8, (byte) (1 << bit % 8));
            long[] one = PageHash.of(pages);
            pages.put(bit / 8, (byte) 0);
            assertEquals(false, zeros[0] == one[0] || zeros[1] == one[1], "bit " + bit);
        }
    }

    /** All zeros, all ones, a few bits, or random. */
    private static void fill(ByteBuffer pages, int kind, Random random) {
        for (int i = 0; i < pages.capacity(); i++) {
            int value =
                    switch (kind % 4) {
                        case 0 -> 0;
                        case 1 -> -1;
                        case 2 -> random.nextInt(999) == 0 ? 1 << random.nextInt(8) : 0;
                        default -> random.nextInt();
                    };
            pages.put(i, (byte) value);
        }
    }
}
