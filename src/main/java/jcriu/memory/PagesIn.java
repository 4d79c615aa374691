package jcriu.memory;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import jcriu.progress.Progress;
import jcriu.store.PageRead;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteMemory;

/**
 * Moves pages of images into a task or into a shared object, on all cores.
 *
 * <p>Each core reads into a buffer that stays in its cache, and the kernel copies from there: that
 * beats mapping the file, whose pages would be touched one by one.
 */
public final class PagesIn {
    private static final int CHUNK = 512 << 10;
    private static final long PIECE = 16 << 20;

    private PagesIn() {}

    /** What is done with a chunk that was read: pages of {@code [start, start + length)}. */
    private interface Sink {
        void put(long start, NativeMemory chunk, int length);
    }

    private static long copy(PageRead pages, Runs runs, Workers workers, Sink sink) {
        List<Runnable> jobs = new ArrayList<>();
        for (Runs piece : PagesOut.pieces(runs, PIECE)) {
            jobs.add(() -> copyPiece(pages, piece, sink));
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
        return runs.bytes() / PagemapRun.PAGE_SIZE;
    }

    private static void copyPiece(PageRead pages, Runs piece, Sink sink) {
        try (NativeMemory chunk = NativeMemory.allocate(Math.min(CHUNK, piece.bytes()))) {
            ByteBuffer buffer = chunk.buffer(0, (int) chunk.size());
            for (int i = 0; i < piece.size(); i++) {
                for (long at = piece.start(i); at < piece.end(i); at += CHUNK) {
                    int length = (int) Math.min(CHUNK, piece.end(i) - at);
                    pages.read(at, buffer.clear().limit(length));
                    sink.put(at, chunk, length);
                    Progress.step(length);
                }
            }
        }
    }

    /** Writes pages to a task's memory at their addresses; returns their number. */
    public static long copyToTask(PageRead pages, Runs runs, int pid, Workers workers) {
        return copy(
                pages,
                runs,
                workers,
                (start, chunk, length) -> RemoteMemory.write(pid, start, chunk.address(), length));
    }

    /**
     * Writes to a forked child's memory what differs from its parent's, page by page; the rest
     * stays shared.
     *
     * @param runs pages that both have
     * @return the number of pages that are the same
     */
    public static long copyDifferent(
            PageRead child, PageRead parent, Runs runs, int pid, Workers workers) {
        AtomicLong same = new AtomicLong();
        copy(
                child,
                runs,
                workers,
                (start, chunk, length) -> {
                    try (NativeMemory theirs = NativeMemory.allocate(length)) {
                        parent.read(start, theirs.buffer(0, length));
                        same.addAndGet(writeDifferent(chunk, theirs, length, pid, start));
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
     * Writes pages to a shared object, at their addresses as offsets: into fresh pages of it that
     * nobody has zeroed before. What lies behind {@code size} is left out.
     */
    public static long copyToObject(
            PageRead pages, Runs runs, Fd object, long size, Workers workers) {
        return copy(
                pages,
                runs,
                workers,
                (start, chunk, length) -> {
                    if (start < size) {
                        object.writeFully(chunk.address(), Math.min(length, size - start), start);
                    }
                });
    }

    /** Writes an object's pages to where it is mapped in our own memory. */
    public static long copyToMapping(PageRead pages, Runs runs, long mapping, Workers workers) {
        int self = (int) ProcessHandle.current().pid();
        return copy(
                pages,
                runs,
                workers,
                (start, chunk, length) ->
                        RemoteMemory.write(self, mapping + start, chunk.address(), length));
    }
}
