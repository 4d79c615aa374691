package jcriu.store;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hasher128;
import com.dynatrace.hash4j.hashing.Hashing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.DiskSteps;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;

/**
 * A digest for each page of a pages file: {@code jcriu-digests-N.img} beside {@code pages-N.img}.
 *
 * <p>Shape: 16 bytes a page, in the order of the pages file; XXH3 of 128 bits, the low half first,
 * little-endian. It finds damage and tells pages apart; it is no defence against a program that
 * looks for collisions.
 */
public final class PageDigests {
    /** Bytes of one digest. */
    public static final int BYTES = 16;

    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final Hasher128 HASHER = Hashing.xxh3_128();

    private final ByteBuffer digests;

    private PageDigests(ByteBuffer digests) {
        this.digests = digests.order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Room for the digests of so many pages. */
    public static PageDigests ofPages(long nrPages) {
        return new PageDigests(ByteBuffer.allocate(Math.toIntExact(nrPages * BYTES)));
    }

    /**
     * Reads the digests of a pages file.
     *
     * @return nothing if it has none: CRIU wrote it
     * @throws ImageFormatException if there are more or fewer than pages
     */
    public static Optional<PageDigests> read(ImageDir images, Pagemap pagemap) {
        Path path = images.path(ImageType.JCRIU_DIGESTS, pagemap.pagesId());
        long size = images.sizeOf(path);
        if (size < 0) {
            return Optional.empty();
        }
        long expected = pagemap.presentBytes() / PAGE * BYTES;
        if (size != expected) {
            throw new ImageFormatException(
                    path.toString(), -1, "has " + size + " bytes, and its pages need " + expected);
        }
        try {
            return Optional.of(new PageDigests(ByteBuffer.wrap(Files.readAllBytes(path))));
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + path + ": " + e, e);
        }
    }

    /** Writes them. */
    public void write(ImageDir images, int pagesId) {
        try (ImageWriter out = images.writer(ImageType.JCRIU_DIGESTS, pagesId)) {
            out.writeRaw(digests.duplicate().clear());
        }
    }

    /** Computes digests, as {@link #of(ByteBuffer)} does. */
    public interface Hash {
        /** Those of the pages that remain in a buffer, whose position stays. */
        long[] of(ByteBuffer pages);
    }

    /** The digests of pages that stand together, two words each, the low half first. */
    public static long[] of(ByteBuffer pages) {
        byte[] page = new byte[PAGE];
        ByteBuffer from = pages.duplicate();
        long[] of = new long[pages.remaining() / PAGE * 2];
        for (int i = 0; i < of.length; i += 2) {
            from.get(page);
            HashValue128 digest = HASHER.hashBytesTo128Bits(page);
            of[i] = digest.getLeastSignificantBits();
            of[i + 1] = digest.getMostSignificantBits();
        }
        return of;
    }

    /**
     * Notes digests of pages that stand together. Any thread may do so at any time.
     *
     * @param first the first page's position in the pages file, in pages
     * @param of two words each, the low half first
     */
    public void put(long first, long[] of) {
        int at = Math.toIntExact(first * BYTES);
        for (int i = 0; i < of.length; i++) {
            digests.putLong(at + i * Long.BYTES, of[i]);
        }
    }

    /**
     * The digests of some of the pages, in their order.
     *
     * @param offsets of the pages in the pages file, in bytes
     */
    PageDigests of(Runs offsets) {
        PageDigests some = ofPages(offsets.bytes() / PAGE);
        for (int i = 0; i < offsets.size(); i++) {
            int start = Math.toIntExact(offsets.start(i) / PAGE * BYTES);
            int end = Math.toIntExact(offsets.end(i) / PAGE * BYTES);
            some.digests.put(digests.duplicate().limit(end).position(start));
        }
        return some;
    }

    /** The same as {@link #write}, and on the disk. */
    void replace(ImageDir images, int pagesId, DiskSteps steps) {
        images.replace(
                ImageType.JCRIU_DIGESTS,
                out -> out.writeRaw(digests.duplicate().clear()),
                steps,
                pagesId);
    }

    /**
     * Whether a page has the digest that is noted for the page at this position.
     *
     * @param of digests of pages, two words each
     * @param index of the page among these
     */
    public boolean matches(long position, long[] of, int index) {
        int at = Math.toIntExact(position * BYTES);
        return digests.getLong(at) == of[2 * index] && digests.getLong(at + 8) == of[2 * index + 1];
    }

    /** The same, of a single page. */
    public boolean matches(long position, byte[] page) {
        return matches(position, of(ByteBuffer.wrap(page)), 0);
    }
}
