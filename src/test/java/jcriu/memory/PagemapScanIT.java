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

    /** The page of zeros that all share does not count: proc_pid_smaps(5). */
    private static long residentKb(int pid, long address) throws IOException {
        boolean inside = false;
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/smaps"))) {
            String[] words = line.split("\\s+");
            if (words[0].contains("-")) {
                String[] range = words[0].split("-");
                inside =
                        Long.parseUnsignedLong(range[0], 16) <= address
                                && address < Long.parseUnsignedLong(range[1], 16);
            } else if (inside && words[0].equals("Rss:")) {
                return Long.parseLong(words[1]);
            }
        }
        throw new AssertionError("nothing is mapped at " + Long.toHexString(address));
    }

    @Test
    void shouldFindPagesThatWereWrittenAndNoOthers() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "pagemap needs root here");
        Path program = CCompiler.testee("target", scratch);
        Path file = scratch.resolve("mapped");
        Files.write(file, new byte[8 * (int) PAGE]);
        try (LiveTarget target = LiveTarget.start(program, scratch, "pattern", file.toString());
                PagemapScan scan = new PagemapScan(target.pid())) {
            // what was only read is the page of zeros that all share, or, by some kernels, a new
            // one
            boolean shared = residentKb(target.pid(), target.word(1)) == 8 * PAGE >> 10;
            assertEquals(
                    List.of(shared ? "0-4" : "0-8", "12-16"),
                    runs(scan, target.word(1), 16, false));
            assertEquals(List.of("2-4"), runs(scan, target.word(2), 8, true));
            assertEquals(24, scan.pagesScanned());
        }
    }

    /** Parts that several cores look at make up the whole, in order. */
    @Test
    void shouldFindTheSameInParts() {
        assumeTrue("root".equals(System.getProperty("user.name")), "pagemap needs root here");
        Path program = CCompiler.testee("target", scratch);
        try (LiveTarget target = LiveTarget.start(program, scratch, "advice", "256");
                Workers workers = new Workers();
                PagemapScan whole = new PagemapScan(target.pid());
                PagemapScan parts = new PagemapScan(target.pid(), workers)) {
            long base = target.word(6);
            Runs expected = new Runs();
            Runs found = new Runs();
            whole.privatePages(base + PAGE, base + (256 << 20), false, false, expected);
            parts.privatePages(base + PAGE, base + (256 << 20), false, false, found);
            assertEquals(128, expected.size()); // every second MiB
            assertEquals(expected.size(), found.size());
            assertEquals(expected.bytes(), found.and(expected).bytes());
            assertEquals(expected.bytes(), found.bytes());
        }
    }
}
