package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcriu.errors.JcriuException;
import org.junit.jupiter.api.Test;

class AuxvTest {
    @Test
    void shouldKeepTheTerminator() {
        ByteBuffer bytes = ByteBuffer.allocate(40).order(ByteOrder.nativeOrder());
        bytes.putLong(6).putLong(4096).putLong(0).putLong(0).putLong(99);
        assertArrayEquals(new long[] {6, 4096, 0, 0}, Auxv.parse(bytes.array(), 32));
        assertThrows(JcriuException.class, () -> Auxv.parse(bytes.array(), 40));
    }

    @Test
    void shouldReadOurselves() {
        long[] words = Auxv.read((int) ProcessHandle.current().pid());
        assertTrue(words.length > 2);
        assertEquals(Auxv.AT_NULL, words[words.length - 2]);
        assertEquals(0, words[words.length - 1]);
    }
}
