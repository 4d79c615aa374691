package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import org.junit.jupiter.api.Test;

class PageEntriesTest {
    /** Between the end of its memory and its own, a task is no zombie, and has an empty pagemap. */
    @Test
    void shouldSayThatATaskIsGoneWhoseMemoryHasGone() throws Exception {
        Process process = new ProcessBuilder("sleep", "60").start();
        try {
            String line = Files.readAllLines(Path.of("/proc/" + process.pid() + "/maps")).get(0);
            long page = Long.parseUnsignedLong(line.substring(0, line.indexOf('-')), 16);
            try (PageEntries entries = new PageEntries((int) process.pid())) {
                entries.of(page);
                process.destroyForcibly().waitFor();
                JcriuException one = assertThrows(JcriuException.class, () -> entries.of(page));
                JcriuException some =
                        assertThrows(
                                JcriuException.class,
                                () -> entries.visit(page, page + 4096, (address, entry) -> {}));
                assertEquals(Kind.TARGET_GONE, one.kind());
                assertEquals(Kind.TARGET_GONE, some.kind());
            }
        } finally {
            process.destroyForcibly();
        }
    }
}
