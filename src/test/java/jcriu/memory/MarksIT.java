package jcriu.memory;

import static jcriu.kernel.FileConstants.O_CLOEXEC;
import static jcriu.kernel.FileConstants.O_NONBLOCK;
import static jcriu.kernel.FileConstants.O_RDWR;
import static jcriu.kernel.MmanConstants.*;
import static jcriu.kernel.UffdConstants.UFFD_USER_MODE_ONLY;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.Random;
import jcriu.kernel.Syscall;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Marks of written pages on memory of our own, against a plain model: pages that are written, read,
 * given back, or left alone, before and after they are marked.
 */
@Tag("live")
class MarksIT {
    private static final int PAGES = 96;
    private static final long PAGE = 4096;
    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    @TempDir private Path directory;

    @Test
    void shouldAgreeWithAPlainModelOnMemory() {
        check(-1);
    }

    @Test
    void shouldAgreeWithAPlainModelOnAFile() throws IOException {
        Path path = directory.resolve("mapped");
        Files.write(path, new byte[PAGES * (int) PAGE]);
        try (Fd file = Fd.open(path.toString(), O_RDWR)) {
            check(file.number());
        }
    }

    private static void check(long file) {
        assumeTrue("root".equals(System.getProperty("user.name")), "pagemap needs root here");
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 200; round++) {
            check(file, random, "seed " + seed + ", round " + round);
        }
    }

    private static void check(long file, Random random, String where) {
        long size = PAGES * PAGE;
        int how = MAP_PRIVATE | (file < 0 ? MAP_ANONYMOUS : 0);
        long at =
                Native.check(
                        Native.call(Syscall.MMAP, 0, size, PROT_READ | PROT_WRITE, how, file, 0),
                        "mmap");
        long uffd = Native.call(Syscall.USERFAULTFD, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
        assumeTrue(!Native.failed(uffd), "no userfaultfd here");
        try (Fd marker = new Fd(uffd, "userfaultfd");
                PagemapScan scan = new PagemapScan((int) ProcessHandle.current().pid())) {
            // not works(), which asks what is tested here
            assumeTrue(UffdTracker.enable(marker) == 0, "no asynchronous write protection here");
            boolean anonymous = file < 0;
            assertTrue(
                    !scan.marks(at, at + size, anonymous, true, new Runs(), new Runs()),
                    "not watched yet");
            assertEquals(0, UffdTracker.register(marker, at, at + size));
            BitSet given = new BitSet();
            touch(at, random, given);
            assertFalse(scan.hasMarks(at, at + size), where);
            BitSet unwritten = new BitSet();
            for (int look = 0; look < 3; look++) {
                Runs present = new Runs();
                Runs found = new Runs();
                boolean mark = random.nextInt(4) > 0;
                assertTrue(scan.marks(at, at + size, anonymous, mark, present, found));
                Runs expected = new Runs();
                scan.privatePages(at, at + size, !anonymous, false, expected);
                assertEquals(pages(at, expected), pages(at, present), where);
                unwritten.and(pages(at, present));
                if (!anonymous) { // these look as if swapped out, which counts as written
                    unwritten.andNot(given);
                }
                assertEquals(unwritten, pages(at, found), where + ", look " + look);
                if (mark) {
                    unwritten = pages(at, present);
                    assertTrue(scan.hasMarks(at, at + size), where);
                    int first = unwritten.nextClearBit(0);
                    long rest = at + first * PAGE;
                    assertEquals(first > 0, scan.hasMarks(at, rest), where);
                    MEMORY.putByte(at, (byte) look);
                    assertEquals(first > 1, scan.hasMarks(at, rest), where);
                    unwritten.clear(0);
                    given.clear(0);
                }
                unwritten.andNot(touch(at, random, given));
            }
        } finally {
            Native.call(Syscall.MUNMAP, at, size);
        }
    }

    /**
     * Does something, or nothing, to each page; returns those that do not keep their marks.
     *
     * @param given pages that were given back, and not written since
     */
    private static BitSet touch(long at, Random random, BitSet given) {
        BitSet changed = new BitSet();
        for (int i = 0; i < PAGES; i++) {
            long page = at + i * PAGE;
            switch (random.nextInt(8)) {
                case 0 -> {
                    MEMORY.putByte(page, (byte) random.nextInt());
                    changed.set(i);
                    given.clear(i);
                }
                case 1 -> MEMORY.getByte(page);
                case 2 -> {
                    Native.check(
                            Native.call(Syscall.MADVISE, page, PAGE, MADV_DONTNEED), "madvise");
                    changed.set(i);
                    given.set(i);
                    if (random.nextBoolean()) {
                        MEMORY.putByte(page, (byte) 1);
                        given.clear(i);
                    }
                }
                default -> {
                    // left alone
                }
            }
        }
        return changed;
    }

    private static BitSet pages(long at, Runs runs) {
        BitSet pages = new BitSet();
        for (int i = 0; i < runs.size(); i++) {
            pages.set((int) ((runs.start(i) - at) / PAGE), (int) ((runs.end(i) - at) / PAGE));
        }
        return pages;
    }
}
