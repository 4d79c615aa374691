package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcriu.CCompiler;
import jcriu.LiveTarget;
import jcriu.store.Runs;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A process whose pages were touched in a known way; see mode "pattern" of target.c. */
@Tag("live")
class PagemapScanIT {
    private static final long PAGE = 4096;

    @TempDir private Path scratch;

    private static List<String> runs(PagemapScan scan, long base, int pages, boolean ofFile) {
        Runs runs = new Runs();
        scan.privatePages(base, base + pages * PAGE, ofFile, false, runs);
        List<String> found = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            found.add((runs.start(i) - base) / PAGE + "-" + (runs.end(i) - base) / PAGE);
        }
        return found;
    }

    @Test
    void shouldFindPagesThatWereWrittenAndNoOthers() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "pagemap needs root here");
        Path program = CCompiler.testee("target", scratch);
        Path file = scratch.resolve("mapped");
        Files.write(file, new byte[8 * (int) PAGE]);
        try (LiveTarget target = LiveTarget.start(program, scratch, "pattern", file.toString());
                PagemapScan scan = new PagemapScan(target.pid())) {
            assertEquals(List.of("0-4", "12-16"), runs(scan, target.word(1), 16, false));
            assertEquals(List.of("2-4"), runs(scan, target.word(2), 8, true));
            assertEquals(24, scan.pagesScanned());
        }
    }
}
