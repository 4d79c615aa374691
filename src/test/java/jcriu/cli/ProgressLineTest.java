package jcriu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long MIB = 1 << 20;

    @Test
    void shouldSayBytesRateAndWhatRemains() {
        assertEquals(
                "copy pages: 512.0M of 2.0G, 256.0M/s, 6 s left",
                ProgressLine.text("copy pages", 512 * MIB, 2048 * MIB, 2 * SECOND));
        assertEquals("verify: 5, 5/s", ProgressLine.text("verify", 5, 5, SECOND));
        assertEquals(
                "copy pages: 3.0M, 3.0M/s", ProgressLine.text("copy pages", 3 * MIB, 0, SECOND));
    }

    @Test
    void shouldLeaveAnEmptyLineBehind() {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        ProgressLine line =
                ProgressLine.drawingAtOnce(new PrintStream(bytes, true, StandardCharsets.UTF_8));
        line.begin("verify", 10);
        line.step(5);
        line.step(5); // too soon to be drawn
        line.end();
        line.step(1); // after the end: nothing
        String text = bytes.toString(StandardCharsets.UTF_8);
        assertTrue(text.startsWith("\rverify: 5 of 10, "), text);
        assertTrue(text.endsWith("\r" + " ".repeat(78) + "\r"), text);
        assertEquals(3, text.chars().filter(c -> c == '\r').count(), text);
    }
}
