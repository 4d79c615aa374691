package jcriu.memory;

import java.util.ArrayList;
import java.util.List;
import jcriu.store.PagemapRun;

/**
 * The pages of a forked child beside those of its parent: which may be the same, which only the
 * child has, and which only the parent.
 *
 * <pre>
 * inherited   |-------------------------|
 * parent        ppppp   pppp    pppp              pages of the parent at the same addresses
 * child            ccccccc    cccccc      cccc
 *               dd ==   ==      ====              dropped, to be compared; the rest is copied
 * </pre>
 */
public final class SharedPages {
    /**
     * Pages of the child that are compared with the parent's.
     *
     * @param parentOffset byte offset of the parent's pages in the parent's pages file
     */
    public record Pair(PagemapRun child, long parentOffset) {}

    private final List<PagemapRun> copied = new ArrayList<>();
    private final List<Pair> compared = new ArrayList<>();
    private final Runs dropped = new Runs();

    /**
     * Sorts the pages.
     *
     * @param inherited where the child has the parent's mappings, and so its pages, already
     * @param parent runs of the parent's pagemap
     * @param child runs of the child's pagemap
     */
    public SharedPages(Runs inherited, List<PagemapRun> parent, List<PagemapRun> child) {
        int i = 0;
        int p = 0;
        int c = 0;
        long at = 0;
        while (true) {
            while (i < inherited.size() && inherited.end(i) <= at) {
                i++;
            }
            while (p < parent.size() && parent.get(p).end() <= at) {
                p++;
            }
            while (c < child.size() && child.get(c).end() <= at) {
                c++;
            }
            long next = Long.MAX_VALUE;
            boolean have = i < inherited.size() && inherited.start(i) <= at;
            boolean theirs = p < parent.size() && parent.get(p).vaddr() <= at;
            boolean ours = c < child.size() && child.get(c).vaddr() <= at;
            if (i < inherited.size()) {
                next = Math.min(next, have ? inherited.end(i) : inherited.start(i));
            }
            if (p < parent.size()) {
                next = Math.min(next, theirs ? parent.get(p).end() : parent.get(p).vaddr());
            }
            if (c < child.size()) {
                next = Math.min(next, ours ? child.get(c).end() : child.get(c).vaddr());
            }
            if (next == Long.MAX_VALUE) {
                return;
            }
            if (ours) {
                PagemapRun part = part(child.get(c), at, next);
                if (have && theirs) {
                    PagemapRun other = parent.get(p);
                    compared.add(new Pair(part, other.pagesOffset() + at - other.vaddr()));
                } else {
                    copied.add(part);
                }
            } else if (have && theirs) {
                dropped.add(at, next);
            }
            at = next;
        }
    }

    private static PagemapRun part(PagemapRun run, long from, long to) {
        return new PagemapRun(
                from,
                (to - from) / PagemapRun.PAGE_SIZE,
                run.flags(),
                run.pagesOffset() + from - run.vaddr());
    }

    /** Pages that only the child has. */
    public List<PagemapRun> copied() {
        return copied;
    }

    /** Pages that both have. */
    public List<Pair> compared() {
        return compared;
    }

    /** Pages that the child got from its parent and has not: they must go. */
    public Runs dropped() {
        return dropped;
    }
}
