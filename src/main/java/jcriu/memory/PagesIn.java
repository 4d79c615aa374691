package jcriu.memory;

import static jcriu.kernel.FileConstants.*;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import jcriu.errors.ImageFormatException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.store.Pagemap;
import jcriu.store.PagemapRun;
import jcriu.sys.Fd;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteMemory;

/**
 * A {@code pages-N.img} being read into a task or into a shared object, on all cores.
 *
 * <p>Each core reads into a buffer that stays in its cache, and the kernel copies from there: that
 * beats mapping the file, whose pages would be touched one by one.
 */
public final class PagesIn implements AutoCloseable {
    private static final int CHUNK = 512 << 10;
    private static final long PIECE = 16 << 20;

    private final Fd file;
    private final String name;

    private PagesIn(Fd file, String name) {
        this.file = file;
        this.name = name;
    }

    /** Opens the pages of a pagemap; without runs no file is needed. */
    public static PagesIn open(ImageDir images, Pagemap pagemap) {
        String name = ImageType.PAGES.fileName(pagemap.pagesId());
        for (PagemapRun run : pagemap.runs()) {
            if (!run.present()) {
                throw new ImageFormatException(
                        name,
                        -1,
                        "pages at 0x"
                                + Long.toHexString(run.vaddr())
                                + " are in a parent image, which is not supported yet");
            }
        }
        if (pagemap.runs().isEmpty()) {
            return new PagesIn(null, name);
        }
        return new PagesIn(
                Fd.open(
                        images.path(ImageType.PAGES, pagemap.pagesId()).toString(),
                        O_RDONLY | O_NOFOLLOW),
                name);
    }

    /** Writes the runs to a task's memory at their addresses; returns the number of pages. */
    public long copyToTask(List<PagemapRun> runs, int pid, Workers workers) {
        return copy(
                runs,
                workers,
                (run, offset, length) -> {
                    try (NativeMemory buffer = NativeMemory.allocate(Math.min(CHUNK, length))) {
                        long done = 0;
                        while (done < length) {
                            long n = Math.min(CHUNK, length - done);
                            read(buffer.address(), n, run.pagesOffset() + offset + done);
                            RemoteMemory.write(
                                    pid, run.vaddr() + offset + done, buffer.address(), n);
                            done += n;
                        }
                    }
                });
    }

    /**
     * Writes to a forked child's memory what differs from its parent's, page by page; the rest
     * stays shared.
     *
     * @param parent the parent's pages
     * @return the number of pages that are the same
     */
    public long copyDifferent(
            List<SharedPages.Pair> pairs, PagesIn parent, int pid, Workers workers) {
        Map<PagemapRun, Long> offsets = new IdentityHashMap<>();
        List<PagemapRun> runs = new ArrayList<>(pairs.size());
        for (SharedPages.Pair pair : pairs) {
            offsets.put(pair.child(), pair.parentOffset());
            runs.add(pair.child());
        }
        AtomicLong same = new AtomicLong();
        copy(
                runs,
                workers,
                (run, offset, length) -> {
                    int size = (int) Math.min(CHUNK, length);
                    try (NativeMemory ours = NativeMemory.allocate(size);
                            NativeMemory theirs = NativeMemory.allocate(size)) {
                        for (long done = 0; done < length; done += size) {
                            int n = (int) Math.min(size, length - done);
                            long at = offset + done;
                            read(ours.address(), n, run.pagesOffset() + at);
                            parent.read(theirs.address(), n, offsets.get(run) + at);
                            same.addAndGet(writeDifferent(ours, theirs, n, pid, run.vaddr() + at));
                        }
                    }
                });
        return same.get();
    }

    /** Writes the pages of a chunk that differ; the number of those that do not. */
    private static int writeDifferent(
            NativeMemory ours, NativeMemory theirs, int length, int pid, long to) {
        ByteBuffer a = ours.buffer(0, length);
        ByteBuffer b = theirs.buffer(0, length);
        int same = 0;
        int at = 0;
        while (at < length) {
            int first = a.limit(length).position(at).mismatch(b.limit(length).position(at));
            if (first < 0) {
                return same + (length - at) / PagemapRun.PAGE_SIZE;
            }
            int from = at + first & -PagemapRun.PAGE_SIZE;
            same += (from - at) / PagemapRun.PAGE_SIZE;
            at = from + PagemapRun.PAGE_SIZE;
            while (at < length
                    && a.limit(at + PagemapRun.PAGE_SIZE)
                                    .position(at)
                                    .mismatch(b.limit(at + PagemapRun.PAGE_SIZE).position(at))
                            >= 0) {
                at += PagemapRun.PAGE_SIZE;
            }
            RemoteMemory.write(pid, to + from, ours.address() + from, at - from);
        }
        return same;
    }

    /**
     * Writes the runs to a shared object, at their addresses as offsets: into fresh pages of it
     * that nobody has zeroed before. What lies behind {@code size} is left out.
     */
    public long copyToObject(List<PagemapRun> runs, Fd object, long size, Workers workers) {
        return copy(
                runs,
                workers,
                (run, offset, length) -> {
                    try (NativeMemory buffer = NativeMemory.allocate(Math.min(CHUNK, length))) {
                        long done = 0;
                        while (done < length) {
                            long n = Math.min(CHUNK, length - done);
                            long to = run.vaddr() + offset + done;
                            read(buffer.address(), n, run.pagesOffset() + offset + done);
                            if (to < size) {
                                object.writeFully(buffer.address(), Math.min(n, size - to), to);
                            }
                            done += n;
                        }
                    }
                });
    }

    /** The bytes of one run, which must be small. */
    public byte[] read(PagemapRun run) {
        try (NativeMemory buffer = NativeMemory.allocate(run.lengthBytes())) {
            read(buffer.address(), run.lengthBytes(), run.pagesOffset());
            return buffer.get(0, (int) run.lengthBytes());
        }
    }

    private void read(long to, long length, long offset) {
        if (file.readFully(to, length, offset) < length) {
            throw new ImageFormatException(
                    name, offset, "ends before the pages that it should hold");
        }
    }

    private interface Copy {
        void run(PagemapRun run, long offset, long length);
    }

    private static long copy(List<PagemapRun> runs, Workers workers, Copy copy) {
        List<Runnable> jobs = new ArrayList<>();
        List<PagemapRun> small = new ArrayList<>();
        long inSmall = 0;
        long pages = 0;
        for (PagemapRun run : runs) {
            pages += run.nrPages();
            if (run.lengthBytes() >= PIECE) {
                for (long at = 0; at < run.lengthBytes(); at += PIECE) {
                    long offset = at;
                    long length = Math.min(PIECE, run.lengthBytes() - at);
                    jobs.add(() -> copy.run(run, offset, length));
                }
                continue;
            }
            small.add(run);
            inSmall += run.lengthBytes();
            if (inSmall >= PIECE) {
                List<PagemapRun> some = small;
                jobs.add(() -> copyAll(some, copy));
                small = new ArrayList<>();
                inSmall = 0;
            }
        }
        if (!small.isEmpty()) {
            List<PagemapRun> some = small;
            jobs.add(() -> copyAll(some, copy));
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
        return pages;
    }

    private static void copyAll(List<PagemapRun> runs, Copy copy) {
        for (PagemapRun run : runs) {
            copy.run(run, 0, run.lengthBytes());
        }
    }

    @Override
    public void close() {
        if (file != null) {
            file.close();
        }
    }
}
