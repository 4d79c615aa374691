package jcriu.memory;

import jcriu.store.PageRead;
import jcriu.store.Runs;

/**
 * Tells which pages of a task are as they are in the parent images. A page that is left to the
 * parent and was written after all is lost: the answer must be provable, and in doubt a page counts
 * as written.
 */
public interface Tracker {
    /** As on the command line. */
    String name();

    /**
     * The part of {@code present} whose content is the parent's.
     *
     * @param present pages that the task has
     * @param running whether the task runs meanwhile, so that pages may go
     * @param parent its pages in the parent images; what is not there is not the same
     */
    Runs unchanged(int pid, Runs present, PageRead parent, Workers workers, boolean running);
}
