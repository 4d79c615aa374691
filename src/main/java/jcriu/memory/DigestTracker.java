package jcriu.memory;

import jcriu.progress.Progress;
import jcriu.store.PageRead;
import jcriu.store.PageXfer;
import jcriu.store.Runs;

/**
 * Compares the content of every page with the parent's, by digest. Needs nothing of the kernel or
 * of the task, and nothing between two dumps: whoever wrote a page, however, it is seen. The price
 * is that all memory is read.
 */
public final class DigestTracker implements Tracker {
    public static final String NAME = "digest";

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
        PageXfer.Source source = sources.of(pid, running);
        return ContentCheck.unchanged(
                (start, to, length) -> {
                    source.read(start, to, length);
                    Progress.step(length);
                },
                present,
                parent,
                workers);
    }
}
