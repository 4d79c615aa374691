package jcriu.store;

import java.nio.ByteBuffer;

/**
 * Reads the pages of one target, wherever they are: in these images, in any of their parents, or
 * with a peer. The counterpart of {@link PageXfer}.
 *
 * <p>Any thread may read at any time.
 */
public interface PageRead extends AutoCloseable {
    /**
     * Which pages there are. All others were never written: they are zero, or those of the file
     * that is mapped there.
     */
    Runs runs();

    /**
     * Fills the buffer with the pages from {@code start} on.
     *
     * @param start page-aligned; all pages of {@code [start, start + to.remaining())} are in {@link
     *     #runs}
     * @throws jcriu.errors.ImageFormatException naming file, page and offset, if they are not there
     *     after all, or damaged
     */
    void read(long start, ByteBuffer to);

    /**
     * Compares pages with those of the target, by their digests where there are any, else by their
     * bytes.
     *
     * @param start page-aligned; all pages of {@code [start, start + pages.remaining())} are in
     *     {@link #runs}
     * @param hash makes the digests of {@code pages}
     * @param same gets the ranges whose content is the same
     */
    void compare(long start, ByteBuffer pages, PageDigests.Hash hash, Runs same);

    @Override
    void close();
}
