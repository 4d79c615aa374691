package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class RunsTest {
    @Test
    void shouldJoinWhatTouchesAndGrow() {
        Runs runs = new Runs();
        long bytes = 0;
        for (int i = 0; i < 1000; i++) {
            long start = i * 0x10000L;
            runs.add(start, start + 0x1000);
            runs.add(start + 0x1000, start + 0x3000); // touches
            bytes += 0x3000;
        }
        assertEquals(1000, runs.size());
        assertEquals(bytes, runs.bytes());
        for (int i = 0; i < 1000; i++) {
            assertEquals(i * 0x10000L, runs.start(i));
            assertEquals(i * 0x10000L + 0x3000, runs.end(i));
        }
    }
}
