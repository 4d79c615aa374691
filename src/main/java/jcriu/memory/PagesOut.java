package jcriu.memory;

import java.util.ArrayList;
import java.util.List;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.progress.Progress;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.tracee.RemoteMemory;

/** Moves pages of a task, or of a shared object, into images, on all cores. */
public final class PagesOut {
    private static final long PIECE = 32 << 20;

    /** So little is not worth another core. */
    private static final long SMALL = 1 << 20;

    private static final int PAGE = 4096;

    private PagesOut() {}

    /**
     * Reads pages of a task; those that cannot be read, because it runs and has unmapped them, are
     * zero.
     */
    static void readWhatIsThere(int pid, long from, long to, long length) {
        try {
            RemoteMemory.read(pid, from, to, length);
        } catch (SyscallException e) {
            if (length > PAGE) {
                for (long at = 0; at < length; at += PAGE) {
                    readWhatIsThere(pid, from + at, to + at, PAGE);
                }
                return;
            }
            if (e.errno() != Errno.EIO) {
                throw e;
            }
            com.kenai.jffi.MemoryIO.getInstance().setMemory(to, length, (byte) 0);
        }
    }

    /** Reads an object; behind its end, be it within its last page, there are zeros. */
    public static PageXfer.Source ofObject(Fd object) {
        return (start, to, length) -> {
            long got = object.readFully(to, length, start);
            if (got < length) {
                com.kenai.jffi.MemoryIO.getInstance().setMemory(to + got, length - got, (byte) 0);
            }
        };
    }

    /** Says which pages have content, and which are left to the parent. */
    public static void plan(Runs data, Runs unchanged, PageXfer into) {
        int d = 0;
        int u = 0;
        while (d < data.size() || u < unchanged.size()) {
            if (u == unchanged.size() || d < data.size() && data.start(d) < unchanged.start(u)) {
                into.data(data.start(d), data.end(d));
                d++;
            } else {
                into.parent(unchanged.start(u), unchanged.end(u));
                u++;
            }
        }
    }

    /** Fills in pages of a task, at their addresses, or of an object, at byte offsets in it. */
    public static void copy(PageXfer.Source source, Runs runs, PageXfer into, Workers workers) {
        List<Runnable> jobs = new ArrayList<>();
        long share = runs.bytes() / (2 * Workers.CORES) & -PAGE;
        for (Runs piece : pieces(runs, Math.max(SMALL, Math.min(PIECE, share)))) {
            jobs.add(
                    () -> {
                        into.fill(piece, source);
                        Progress.step(piece.bytes());
                    });
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
    }

    /** The same runs in lots of at most so many bytes. */
    static List<Runs> pieces(Runs runs, long bytes) {
        List<Runs> pieces = new ArrayList<>();
        Runs piece = new Runs();
        for (int i = 0; i < runs.size(); i++) {
            long from = runs.start(i);
            while (from < runs.end(i)) {
                long length = Math.min(runs.end(i) - from, bytes - piece.bytes());
                piece.add(from, from + length);
                from += length;
                if (piece.bytes() == bytes) {
                    pieces.add(piece);
                    piece = new Runs();
                }
            }
        }
        if (!piece.isEmpty()) {
            pieces.add(piece);
        }
        return pieces;
    }
}
