package jcriu.memory;

import com.kenai.jffi.MemoryIO;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import jcriu.store.PageRead;
import jcriu.store.PageXfer;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import jcriu.sys.NativeMemory;

/**
 * Tells which pages are as they are in the parent images, by their content. Whoever wrote a page,
 * however, it is seen; the price is that all pages are read.
 */
public final class ContentCheck {
    private static final MemoryIO MEMORY = MemoryIO.getInstance();
    private static final int CHUNK = 256 << 10;
    private static final long PIECE = 8 << 20;
    private static final long PAGE = PagemapRun.PAGE_SIZE;

    /** One page in so many bytes; no program writes at such intervals. */
    private static final long SAMPLED = 61 * PAGE;

    private ContentCheck() {}

    /**
     * The part of {@code present} whose content is the parent's.
     *
     * @param source reads the pages as they are now
     * @param parent the same pages in the parent images; what is not there is not the same
     */
    public static Runs unchanged(
            PageXfer.Source source, Runs present, PageRead parent, Workers workers) {
        List<Runs> pieces = PagesOut.pieces(present.and(parent.runs()), PIECE);
        List<Runs> answers = new ArrayList<>(Collections.nCopies(pieces.size(), null));
        List<Runnable> jobs = new ArrayList<>();
        for (int i = 0; i < pieces.size(); i++) {
            int piece = i;
            jobs.add(() -> answers.set(piece, compare(source, pieces.get(piece), parent)));
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

    /**
     * About how many bytes of {@code present} are not as in the parent images, judged by one page
     * in so many; an eighth less than it seems, as chance may have it.
     */
    static long expectedBytes(
            PageXfer.Source source, Runs present, PageRead parent, Workers workers) {
        Runs both = present.and(parent.runs());
        Runs some = new Runs();
        long next = 0;
        for (int i = 0; i < both.size(); i++) {
            long at = both.start(i) + next;
            for (; at < both.end(i); at += SAMPLED) {
                some.add(at, at + PAGE);
            }
            next = at - both.end(i);
        }
        long others = present.bytes() - both.bytes();
        if (some.isEmpty()) {
            return others;
        }
        long changed = some.bytes() - unchanged(source, some, parent, workers).bytes();
        double seem = (double) changed / some.bytes() * both.bytes();
        return others + (long) (seem * 7 / 8) & -PAGE;
    }

    private static Runs compare(PageXfer.Source source, Runs piece, PageRead parent) {
        Runs same = new Runs();
        try (NativeMemory chunk = NativeMemory.allocate(CHUNK)) {
            for (int i = 0; i < piece.size(); i++) {
                for (long at = piece.start(i); at < piece.end(i); at += CHUNK) {
                    int length = (int) Math.min(CHUNK, piece.end(i) - at);
                    long there = source.address(at, length);
                    if (there == 0) {
                        there = chunk.address();
                        source.read(at, there, length);
                    }
                    parent.compare(
                            at, MEMORY.newDirectByteBuffer(there, length), PageHash::of, same);
                }
            }
        }
        return same;
    }
}
