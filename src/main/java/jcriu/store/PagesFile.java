package jcriu.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicInteger;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;

/**
 * A pages file, for reading: pages one after the other, in the order of the present runs of its
 * pagemap.
 *
 * <p>A chain of weeks has more of them than a process may have descriptors. The first ones stay
 * open, all others are opened for each read.
 */
public final class PagesFile implements AutoCloseable {
    /** A quarter of the 1024 descriptors that a process has at least nearly everywhere. */
    private static final int MAY_STAY_OPEN = 256;

    private static final AtomicInteger STAY_OPEN = new AtomicInteger();

    private final Path path;
    private final FileChannel kept;
    private final long sizeBytes;

    private PagesFile(Path path, FileChannel kept, long sizeBytes) {
        this.path = path;
        this.kept = kept;
        this.sizeBytes = sizeBytes;
    }

    /**
     * Opens the pages of a pagemap.
     *
     * @throws ImageFormatException if the file is missing, or shorter than the pagemap says
     */
    public static PagesFile open(ImageDir images, Pagemap pagemap) {
        Path path = images.path(ImageType.PAGES, pagemap.pagesId());
        FileChannel channel = null;
        boolean keep = false;
        try {
            channel = channelOf(path);
            long size = channel.size();
            if (size < pagemap.presentBytes()) {
                throw new ImageFormatException(
                        path.getFileName().toString(),
                        size,
                        "ends here, but its pagemap needs " + pagemap.presentBytes() + " bytes");
            }
            keep = STAY_OPEN.incrementAndGet() <= MAY_STAY_OPEN;
            if (!keep) {
                STAY_OPEN.decrementAndGet();
            }
            return new PagesFile(path, keep ? channel : null, size);
        } catch (IOException e) {
            throw cannotRead(path, e);
        } finally {
            if (!keep) {
                closeQuietly(channel);
            }
        }
    }

    private static FileChannel channelOf(Path path) throws IOException {
        try {
            return FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException e) {
            throw new ImageFormatException(path.getFileName().toString(), -1, "is missing", e);
        }
    }

    private static JcriuException cannotRead(Path path, IOException e) {
        return new JcriuException(Kind.IO, "cannot read " + path + ": " + e, e);
    }

    private static void closeQuietly(FileChannel channel) {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                // it was only read, and a better error is on its way
                return;
            }
        }
    }

    public Path path() {
        return path;
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    /** What is done with the open file. */
    private interface Use {
        void with(FileChannel channel) throws IOException;
    }

    private void use(Use use) throws IOException {
        if (kept != null) {
            use.with(kept);
            return;
        }
        try (FileChannel channel = channelOf(path)) {
            use.with(channel);
        }
    }

    private ImageFormatException tooShort(long at) {
        return new ImageFormatException(
                path.getFileName().toString(), at, "ends inside the pages asked for");
    }

    /** Fills the buffer from byte {@code offset} on. Any thread may read at any time. */
    public void read(long offset, ByteBuffer to) {
        try {
            use(
                    channel -> {
                        long at = offset;
                        while (to.hasRemaining()) {
                            int n = channel.read(to, at);
                            if (n < 0) {
                                throw tooShort(at);
                            }
                            at += n;
                        }
                    });
        } catch (IOException e) {
            throw cannotRead(path, e);
        }
    }

    /**
     * Appends bytes {@code [start, end)} to another file.
     *
     * @throws IOException of either file
     */
    void appendTo(FileChannel to, long start, long end) throws IOException {
        use(
                channel -> {
                    long at = start;
                    while (at < end) {
                        long n = channel.transferTo(at, end - at, to);
                        if (n <= 0) {
                            throw tooShort(at);
                        }
                        at += n;
                    }
                });
    }

    @Override
    public void close() {
        if (kept == null || !kept.isOpen()) {
            return;
        }
        STAY_OPEN.decrementAndGet();
        try {
            kept.close();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot close " + path + ": " + e, e);
        }
    }
}
