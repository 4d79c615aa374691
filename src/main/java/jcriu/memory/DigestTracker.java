package jcriu.memory;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import jcriu.progress.Progress;
import jcriu.store.PageRead;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.sys.NativeMemory;

/**
 * Compares the content of every page with the parent's, by digest. Needs nothing of the kernel or
 * of the task, and nothing between two dumps: whoever wrote a page, however, it is seen. The price
 * is that all memory is read.
 */
public final class DigestTracker implements Tracker {
    public static final String NAME = "digest";

    private static final int CHUNK = 256 << 10;
    private static final long PIECE = 8 << 20;

    private final Sources sources;

    /** Where content comes from: {@link Tracker#source} of the tracker that is asked. */
    interface Sources {
        PageXfer.Source of(int pid, boolean running);
    }

    public DigestTracker() {
        sources = this::source;
    }

    /** Serves another tracker, for what that cannot prove. */
    DigestTracker(Sources sources) {
        this.sources = sources;
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Runs unchanged(
            int pid, Runs present, PageRead parent, Workers workers, boolean running) {
        List<Runs> pieces = PagesOut.pieces(present.and(parent.runs()), PIECE);
        List<Runs> answers = new ArrayList<>(Collections.nCopies(pieces.size(), null));
        List<Runnable> jobs = new ArrayList<>();
        PageXfer.Source source = sources.of(pid, running);
        for (int i = 0; i < pieces.size(); i++) {
            int piece = i;
            jobs.add(() -> answers.set(piece, compare(pieces.get(piece), parent, source)));
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
        Runs unchanged = new Runs();
        for (Runs answer : answers) {
            for (int i = 0; i < answer.size(); i++) {
                unchanged.add(answer.start(i), answer.end(i));
            }
        }
        return unchanged;
    }

    private static Runs compare(Runs piece, PageRead parent, PageXfer.Source source) {
        Runs same = new Runs();
        try (NativeMemory chunk = NativeMemory.allocate(CHUNK)) {
            for (int i = 0; i < piece.size(); i++) {
                for (long at = piece.start(i); at < piece.end(i); at += CHUNK) {
                    int length = (int) Math.min(CHUNK, piece.end(i) - at);
                    source.read(at, chunk.address(), length);
                    parent.compare(at, chunk.buffer(0, length), same);
                    Progress.step(length);
                }
            }
        }
        return same;
    }
}
