package jcriu.memory;

import jcriu.store.Runs;

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
 *
 * @param copied pages that only the child has
 * @param compared pages that both have
 * @param dropped pages that the child got from its parent and has not: they must go
 */
public record SharedPages(Runs copied, Runs compared, Runs dropped) {
    /**
     * Sorts the pages.
     *
     * @param inherited where the child has the parent's mappings, and so its pages, already
     */
    public static SharedPages of(Runs inherited, Runs parent, Runs child) {
        Runs theirs = inherited.and(parent);
        return new SharedPages(child.minus(theirs), child.and(theirs), theirs.minus(child));
    }
}
