package jcriu.memory;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import jcriu.store.PageXfer;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import jcriu.sys.NativeMemory;

/**
 * Finds pages that hold only zeros: memory that was touched, or cleared, and never used. Most
 * others are known by their first word, so that little is read of them.
 */
public final class Zeros {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final long PIECE = 8 << 20;

    private Zeros() {}

    /** The part of {@code pages} that is zeros now. */
    public static Runs in(PageXfer.Source source, Runs pages, Workers workers) {
        List<Runs> pieces = PagesOut.pieces(pages, PIECE);
        List<Runs> answers = new ArrayList<>(Collections.nCopies(pieces.size(), null));
        List<Runnable> jobs = new ArrayList<>();
        for (int i = 0; i < pieces.size(); i++) {
            int piece = i;
            jobs.add(() -> answers.set(piece, look(source, pieces.get(piece))));
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
        Runs zeros = new Runs();
        for (Runs answer : answers) {
            for (int i = 0; i < answer.size(); i++) {
                zeros.add(answer.start(i), answer.end(i));
            }
        }
        return zeros;
    }

    private static Runs look(PageXfer.Source source, Runs piece) {
        Runs zeros = new Runs();
        try (NativeMemory page = NativeMemory.allocate(PAGE)) {
            for (int i = 0; i < piece.size(); i++) {
                for (long at = piece.start(i); at < piece.end(i); at += PAGE) {
                    source.read(at, page.address(), Long.BYTES);
                    if (page.getLong(0) == 0) {
                        source.read(at, page.address(), PAGE);
                        if (isZero(page)) {
                            zeros.add(at, at + PAGE);
                        }
                    }
                }
            }
        }
        return zeros;
    }

    private static boolean isZero(NativeMemory page) {
        for (int word = 0; word < PAGE; word += Long.BYTES) {
            if (page.getLong(word) != 0) {
                return false;
            }
        }
        return true;
    }
}
