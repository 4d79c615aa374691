package jcriu.memory;

import static jcriu.kernel.FileConstants.O_RDONLY;

import jcriu.sys.Fd;
import jcriu.sys.NativeMemory;

/**
 * {@code /proc/PID/pagemap} entry by entry: 64 bits for each page.
 *
 * <p>Source: Documentation/admin-guide/mm/pagemap.rst.
 */
final class PageEntries implements AutoCloseable {
    static final long PRESENT = 1L << 63;
    static final long SWAPPED = 1L << 62;

    /** A page of a file, or of shared memory. */
    static final long FILE = 1L << 61;

    /** A guard region; since Linux 6.15, zero before. */
    static final long GUARD = 1L << 58;

    /** Nobody else maps the page; since Linux 4.2. */
    static final long EXCLUSIVE = 1L << 56;

    static final long SOFT_DIRTY = 1L << 55;

    /** The number of the page frame, if present; zero for those without CAP_SYS_ADMIN. */
    static final long FRAME = (1L << 55) - 1;

    private static final int PAGE = 4096;
    private static final int AT_ONCE = 4096;

    private final int pid;
    private final Fd pagemap;
    private final NativeMemory buffer = NativeMemory.allocate(AT_ONCE * 8L);

    PageEntries(int pid) {
        this.pid = pid;
        pagemap = Fd.open("/proc/" + pid + "/pagemap", O_RDONLY);
    }

    /** What is done with a page. */
    interface Visit {
        void page(long address, long entry);
    }

    /** Visits the pages of {@code [start, end)} in the order of their addresses. */
    void visit(long start, long end, Visit visit) {
        while (start < end) {
            long count = Math.min(AT_ONCE, (end - start) / PAGE);
            long got = pagemap.readFully(buffer.address(), count * 8, start / PAGE * 8) / 8;
            if (got < count) {
                throw PagemapScan.hasNoMemory(pid);
            }
            for (int i = 0; i < got; i++) {
                visit.page(start + (long) i * PAGE, buffer.getLong(8L * i));
            }
            start += got * PAGE;
        }
    }

    /** The entry of one page. */
    long of(long address) {
        if (pagemap.readFully(buffer.address(), 8, address / PAGE * 8) < 8) {
            throw PagemapScan.hasNoMemory(pid);
        }
        return buffer.getLong(0);
    }

    @Override
    public void close() {
        pagemap.close();
        buffer.close();
    }
}
