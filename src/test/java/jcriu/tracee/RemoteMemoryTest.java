package jcriu.tracee;

import static jcriu.kernel.MmanConstants.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.kenai.jffi.MemoryIO;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.kernel.Syscall;
import jcriu.store.Runs;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.junit.jupiter.api.Test;

/** Reads our own memory, as it does another's. */
class RemoteMemoryTest {
    private static final int PAGE = 4096;
    private static final int PAGES = 6000;
    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    private static long map() {
        int flags = MAP_PRIVATE | MAP_ANONYMOUS;
        long bytes = (long) PAGES * PAGE;
        return Native.check(
                Native.call(Syscall.MMAP, 0, bytes, PROT_READ | PROT_WRITE, flags, -1, 0), "mmap");
    }

    @Test
    void shouldReadPagesThatStandApart() {
        int self = (int) ProcessHandle.current().pid();
        long from = map();
        Runs pages = new Runs();
        for (int page = 0; page < PAGES; page++) {
            MEMORY.putLong(from + (long) page * PAGE + 8, page);
            if (page % 2 == 0 || page % 10 == 3) {
                pages.add(from + (long) page * PAGE, from + (page + 1L) * PAGE);
            }
        }
        assertTrue(pages.size() > 2048, "more than two calls take: " + pages.size());
        try (NativeMemory to = NativeMemory.allocate(pages.bytes())) {
            RemoteMemory.read(self, pages, to.address());
            long at = 0;
            for (int i = 0; i < pages.size(); i++) {
                for (long page = pages.start(i); page < pages.end(i); page += PAGE) {
                    assertEquals((page - from) / PAGE, to.getLong(at + 8));
                    at += PAGE;
                }
            }
            Native.call(Syscall.MUNMAP, from + 2000 * PAGE, PAGE);
            SyscallException e =
                    assertThrows(
                            SyscallException.class,
                            () -> RemoteMemory.read(self, pages, to.address()));
            assertEquals(Errno.EIO, e.errno());
            String which = "at 0x" + Long.toHexString(from + 2000 * PAGE);
            assertTrue(e.what().contains(which), e.what());
        } finally {
            Native.call(Syscall.MUNMAP, from, (long) PAGES * PAGE);
        }
    }
}
