package jcriu.store;

/**
 * Takes the pages of one target: the image side of a dump, be it files or a peer.
 *
 * <p>First the runs are said, in the order of their addresses; then the content of the {@link
 * #data} runs is filled in, in any order and by any thread; {@link #finish} ends it.
 *
 * <pre>
 *   data      parent        data
 *   |-----|   |-------|     |--|          what is in no run was never written
 *      ^ fill                ^ fill
 * </pre>
 *
 * <p>Closed without {@link #finish}, the target's pages are not part of the images.
 */
public interface PageXfer extends AutoCloseable {
    /** Where content comes from. */
    interface Source {
        /**
         * Copies the pages of {@code [start, start + length)} to an address in our own memory.
         * Pages that are gone meanwhile become zero.
         *
         * @throws jcriu.errors.SyscallException EFAULT if our own memory cannot be written
         */
        void read(long start, long to, long length);

        /** The same for pages that stand apart, which come one behind the other. */
        default void read(Runs pages, long to) {
            for (int i = 0; i < pages.size(); i++) {
                long length = pages.end(i) - pages.start(i);
                read(pages.start(i), to, length);
                to += length;
            }
        }

        /**
         * Where the pages of {@code [start, start + length)} stand in our own memory already, to be
         * looked at without a copy; 0 if they do not.
         */
        default long address(long start, long length) {
            return 0;
        }
    }

    /** Says about how many bytes will come, so that room is made before the freeze. */
    void expect(long bytes);

    /** What was said and filled in until now was for practice. */
    void forget();

    /** Appends a run whose content will be filled in. */
    void data(long start, long end);

    /** Appends a run whose content is that of the parent images. */
    void parent(long start, long end);

    /** Fills in pages of data runs; every page is filled once. */
    void fill(Runs pages, Source source);

    /** All is there: the target's pages are part of the images from now on. */
    void finish();

    /** Sum of the data runs. */
    long dataBytes();

    /** Sum of the parent runs. */
    long parentBytes();

    @Override
    void close();
}
