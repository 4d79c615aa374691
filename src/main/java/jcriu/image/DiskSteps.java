package jcriu.image;

/**
 * Told of each step that changes something on a disk, before it is made: a test can cut the work
 * short there.
 */
public interface DiskSteps {
    /** What is about to happen. */
    enum Step {
        /** A file is made or written, under a name that nobody reads. */
        WRITE,
        /** A file or a directory is forced to the disk. */
        SYNC,
        /** A file or a link gets its name. */
        RENAME,
        /** Pages leave a pages file. */
        PUNCH
    }

    void before(Step step);
}
