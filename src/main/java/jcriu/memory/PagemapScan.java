package jcriu.memory;

import static jcriu.kernel.FileConstants.O_RDONLY;
import static jcriu.kernel.MmanConstants.*;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jcriu.errors.Errno;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Syscall;
import jcriu.proc.MapsVma;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * Which pages of a task hold something: {@code /proc/PID/pagemap}, by the PAGEMAP_SCAN ioctl where
 * the kernel has it (6.7), else entry by entry.
 *
 * <p>Source: Documentation/admin-guide/mm/pagemap.rst.
 */
public final class PagemapScan implements AutoCloseable {
    private static final int REGIONS = 1024;
    private static final int ENTRIES = 4096;
    private static final int PAGE = 4096;

    /** What one core is given of a large range; no huge page of ordinary memory lies across. */
    private static final long PART = 64 << 20;

    private static final long PRESENT = 1L << 63;
    private static final long SWAPPED = 1L << 62;
    private static final long FILE = 1L << 61;

    /** Since Linux 6.15, zero before. */
    private static final long GUARD = 1L << 58;

    private final int pid;
    private final Fd pagemap;
    private final Workers workers;
    private final NativeMemory buffer = newBuffer();
    private boolean ioctlMissing;
    private long pagesScanned;

    /**
     * Opens the pagemap of a task.
     *
     * @param workers share what is large
     */
    public PagemapScan(int pid, Workers workers) {
        this.pid = pid;
        pagemap = Fd.open("/proc/" + pid + "/pagemap", O_RDONLY);
        this.workers = workers;
    }

    /** The same, on one core. */
    public PagemapScan(int pid) {
        this(pid, null);
    }

    private static NativeMemory newBuffer() {
        return NativeMemory.allocate(PM_SCAN_ARG_SIZE + (long) REGIONS * PAGE_REGION_SIZE + 64);
    }

    /**
     * Appends the runs of {@code [start, end)} whose pages are the task's own: present or swapped
     * out, not the shared zero page, and not the mapped file's.
     *
     * @param ofFile whether the range maps a file privately, so that pages may still be the file's
     * @param guarded whether the range may hold guard regions, which look as if swapped out
     */
    public void privatePages(long start, long end, boolean ofFile, boolean guarded, Runs into) {
        pagesScanned += (end - start) / PAGE;
        long excluded =
                PAGE_IS_PFNZERO | (ofFile ? PAGE_IS_FILE : 0) | (guarded ? PAGE_IS_GUARD : 0);
        if (!ioctlMissing) {
            long held = PAGE_IS_PRESENT | PAGE_IS_SWAPPED;
            Question question = new Question(0, excluded, excluded, held, held);
            if (scan(start, end, !ofFile, question, (from, to, categories) -> into.add(from, to))) {
                return;
            }
            ioctlMissing = true;
        }
        read(start, end, PRESENT | SWAPPED, (ofFile ? FILE : 0) | GUARD, into);
    }

    /** Appends the guard regions of {@code [start, end)}: madvise(MADV_GUARD_INSTALL). */
    public void guards(long start, long end, Runs into) {
        Question question = new Question(0, 0, PAGE_IS_GUARD, PAGE_IS_GUARD, PAGE_IS_GUARD);
        Region add = (from, to, categories) -> into.add(from, to);
        if (ioctlMissing || !scan(start, end, false, question, add)) {
            read(start, end, GUARD, 0, into);
        }
    }

    /** Whether written pages of a mapping are marked, by whoever's userfaultfd. */
    boolean isWatched(MapsVma vma) {
        Runs none = new Runs();
        return marks(vma.start(), vma.start() + PAGE, false, false, none, none);
    }

    /**
     * Appends the pages of a watched range that are the task's own, and those of them that are
     * present and were not written since they were marked last. A page that is swapped out counts
     * as written: a private file mapping's that was given back looks the same.
     *
     * <p>The kernel is asked for the exceptions, which takes it a third of the time that telling of
     * each page does: first for the pages that are not there, then for those that were written. One
     * that comes to be there in between was written.
     *
     * @param ordinary whether the range is private memory without a file: then no page is a file's,
     *     which the kernel would look up for each
     * @param mark whether to mark again what was written. The shared zero page and pages of a file
     *     are not: what comes in their place at a write is a new page, and has no mark
     * @return false if the range is not watched; then nothing was done
     */
    boolean marks(
            long start, long end, boolean ordinary, boolean mark, Runs present, Runs unwritten) {
        pagesScanned += (end - start) / PAGE;
        long foreign = PAGE_IS_PFNZERO | (ordinary ? 0 : PAGE_IS_FILE);
        Runs absent = new Runs();
        Runs changed = new Runs();
        Question notHere =
                new Question(
                        PM_SCAN_CHECK_WPASYNC,
                        PAGE_IS_PRESENT,
                        0,
                        PAGE_IS_PRESENT | foreign,
                        PAGE_IS_SWAPPED);
        Region sort =
                (from, to, categories) ->
                        ((categories & PAGE_IS_SWAPPED) == 0 ? absent : changed).add(from, to);
        if (!scan(start, end, ordinary, notHere, sort)) {
            return false;
        }
        Runs written = new Runs();
        Question isWritten =
                new Question(
                        PM_SCAN_CHECK_WPASYNC | (mark ? PM_SCAN_WP_MATCHING : 0),
                        foreign,
                        foreign | PAGE_IS_WRITTEN,
                        PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                        PAGE_IS_WRITTEN);
        Region add = (from, to, categories) -> written.add(from, to);
        if (!scan(start, end, ordinary, isWritten, add)) {
            return false;
        }
        Runs here = Runs.of(start, end).minus(absent);
        present.addAll(here.or(written));
        unwritten.addAll(here.minus(changed.or(written)));
        return true;
    }

    /** Whether any page of a watched range has a mark, be it swapped out or given back. */
    boolean hasMarks(long start, long end) {
        boolean[] any = {false};
        Question isMarked =
                new Question(
                        PM_SCAN_CHECK_WPASYNC,
                        PAGE_IS_WRITTEN,
                        PAGE_IS_WRITTEN,
                        PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
                        PAGE_IS_WRITTEN);
        scan(start, end, isMarked, (from, to, categories) -> any[0] = true, buffer);
        return any[0];
    }

    /** Takes a range that the kernel tells of. */
    private interface Region {
        void found(long start, long end, long categories);
    }

    /** Pages looked at so far. */
    public long pagesScanned() {
        return pagesScanned;
    }

    /** What is asked of the kernel: fields of {@code struct pm_scan_arg}. */
    private record Question(long flags, long inverted, long mask, long anyOf, long returned) {}

    /** Regions that were found, three words each. */
    private static final class Found implements Region {
        private long[] words = new long[3 * 64];
        private int count;

        @Override
        public void found(long start, long end, long categories) {
            if (count == words.length) {
                words = Arrays.copyOf(words, 2 * count);
            }
            words[count++] = start;
            words[count++] = end;
            words[count++] = categories;
        }

        void tell(Region into) {
            for (int i = 0; i < count; i += 3) {
                into.found(words[i], words[i + 1], words[i + 2]);
            }
        }
    }

    /**
     * Asks for a range, on all cores if it is large.
     *
     * @param divisible whether it may be asked for in parts
     * @param into is told in the order of addresses
     * @return false if this kernel cannot answer
     */
    private boolean scan(long start, long end, boolean divisible, Question question, Region into) {
        if (workers == null || !divisible || end - start < 2 * PART) {
            return scan(start, end, question, into, buffer);
        }
        List<Found> found = new ArrayList<>();
        List<Runnable> jobs = new ArrayList<>();
        boolean[] unknown = {false};
        for (long at = start; at < end; ) {
            long from = at;
            long to = Math.min(end, (at & -PART) + PART);
            Found part = new Found();
            found.add(part);
            jobs.add(
                    () -> {
                        try (NativeMemory own = newBuffer()) {
                            if (!scan(from, to, question, part, own)) {
                                synchronized (unknown) {
                                    unknown[0] = true;
                                }
                            }
                        }
                    });
            at = to;
        }
        workers.run(jobs);
        if (unknown[0]) {
            return false;
        }
        found.forEach(part -> part.tell(into));
        return true;
    }

    /**
     * {@code struct pm_scan_arg {u64 size, flags, start, end, walk_end, vec, vec_len, max_pages,
     * category_inverted, category_mask, category_anyof_mask, return_mask}}, {@code struct
     * page_region {u64 start, end, categories}}.
     */
    private boolean scan(
            long start, long end, Question question, Region into, NativeMemory buffer) {
        long arg = buffer.address();
        long vec = arg + PM_SCAN_ARG_SIZE;
        while (start < end) {
            buffer.putLong(0, PM_SCAN_ARG_SIZE);
            buffer.putLong(8, question.flags);
            buffer.putLong(16, start);
            buffer.putLong(24, end);
            buffer.putLong(32, 0);
            buffer.putLong(40, vec);
            buffer.putLong(48, REGIONS);
            buffer.putLong(56, 0);
            buffer.putLong(64, question.inverted);
            buffer.putLong(72, question.mask);
            buffer.putLong(80, question.anyOf);
            buffer.putLong(88, question.returned);
            long n = Native.call(Syscall.IOCTL, pagemap.number(), PAGEMAP_SCAN, arg);
            boolean unknown = n == -Errno.ENOTTY.number() || n == -Errno.EINVAL.number();
            if (unknown || question.flags != 0 && n == -Errno.EPERM.number()) {
                return false;
            }
            Native.check(n, "scan " + pagemap.name());
            long last = start;
            for (int i = 0; i < n; i++) {
                long at = PM_SCAN_ARG_SIZE + (long) i * PAGE_REGION_SIZE;
                last = buffer.getLong(at + 8);
                into.found(buffer.getLong(at), last, buffer.getLong(at + 16));
            }
            // walk_end lies before the last region where that fills the buffer to the end of the
            // range (seen under Linux 6.18)
            start = Math.max(last, buffer.getLong(32));
        }
        return true;
    }

    private void read(long start, long end, long anyOf, long noneOf, Runs into) {
        try (NativeMemory entries = NativeMemory.allocate(ENTRIES * 8L)) {
            while (start < end) {
                long count = Math.min(ENTRIES, (end - start) / PAGE);
                long got = pagemap.readFully(entries.address(), count * 8, start / PAGE * 8) / 8;
                if (got < count) {
                    throw hasNoMemory(pid);
                }
                for (int i = 0; i < got; i++) {
                    long entry = entries.getLong(8L * i);
                    if ((entry & anyOf) != 0 && (entry & noneOf) == 0) {
                        into.add(start + (long) i * PAGE, start + (i + 1L) * PAGE);
                    }
                }
                start += got * PAGE;
            }
        }
    }

    /** A task that ends has no memory any more, and is no zombie yet: its pagemap is empty. */
    static TaskGoneException hasNoMemory(int pid) {
        return new TaskGoneException(pid, "its memory has gone");
    }

    @Override
    public void close() {
        pagemap.close();
        buffer.close();
    }
}
