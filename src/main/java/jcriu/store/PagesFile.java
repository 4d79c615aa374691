package jcriu.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;

/**
 * A pages file, open for reading: pages one after the other, in the order of the present runs of
 * its pagemap.
 */
public final class PagesFile implements AutoCloseable {
    private final Path path;
    private final FileChannel channel;
    private final long sizeBytes;

    private PagesFile(Path path, FileChannel channel, long sizeBytes) {
        this.path = path;
        this.channel = channel;
        this.sizeBytes = sizeBytes;
    }

    /**
     * Opens the pages of a pagemap.
     *
     * @throws ImageFormatException if the file is missing, or shorter than the pagemap says
     */
    public static PagesFile open(ImageDir images, Pagemap pagemap) {
        Path path = images.path(ImageType.PAGES, pagemap.pagesId());
        String name = path.getFileName().toString();
        FileChannel channel = null;
        try {
            channel = FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
            long size = channel.size();
            if (size < pagemap.presentBytes()) {
                throw new ImageFormatException(
                        name,
                        size,
                        "ends here, but its pagemap needs " + pagemap.presentBytes() + " bytes");
            }
            PagesFile file = new PagesFile(path, channel, size);
            channel = null;
            return file;
        } catch (NoSuchFileException e) {
            throw new ImageFormatException(name, -1, "is missing", e);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + path + ": " + e, e);
        } finally {
            closeQuietly(channel);
        }
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

    /** For bulk transfers; its position is not used here. */
    public FileChannel channel() {
        return channel;
    }

    public long sizeBytes() {
        return sizeBytes;
    }

    /** Fills the buffer from byte {@code offset} on. Any thread may read at any time. */
    public void read(long offset, ByteBuffer to) {
        long at = offset;
        try {
            while (to.hasRemaining()) {
                int n = channel.read(to, at);
                if (n < 0) {
                    throw new ImageFormatException(
                            path.getFileName().toString(), at, "ends inside the pages asked for");
                }
                at += n;
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + path + ": " + e, e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot close " + path + ": " + e, e);
        }
    }
}
