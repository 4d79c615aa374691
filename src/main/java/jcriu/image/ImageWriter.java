package jcriu.image;

import com.google.protobuf.MessageLite;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.function.BiConsumer;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/**
 * Writes one image: its magics, then entries and payloads. After a failed write it refuses further
 * use.
 *
 * <p>The file is always a new one of mode 0600. An older file of that name is replaced, not
 * emptied: it may be hard-linked into a copy of an earlier dump, or be readable by others.
 */
public final class ImageWriter implements AutoCloseable {
    private static final Set<OpenOption> OPTIONS =
            Set.of(
                    StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE,
                    LinkOption.NOFOLLOW_LINKS);
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(
                    Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE));
    private static final int BUFFER_BYTES = 8 << 10;

    private final Path path;
    private final BiConsumer<Long, FileDigest> whenClosed;
    private final FileDigest.Stream digest = new FileDigest.Stream();
    private final FileChannel channel;
    private long drained;
    private final ByteBuffer buffer =
            ByteBuffer.allocate(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    private boolean broken;
    private boolean closed;

    ImageWriter(Path path, ImageType type) {
        this(path, type, (size, digest) -> {});
    }

    /**
     * @param whenClosed takes the number of bytes and their digest when all have been written
     */
    ImageWriter(Path path, ImageType type, BiConsumer<Long, FileDigest> whenClosed) {
        this(path, type, create(path), whenClosed);
    }

    /**
     * Writes to a file that is there already, e.g. a device, so that tests can make writes fail.
     */
    static ImageWriter onto(Path path, ImageType type) throws IOException {
        return new ImageWriter(
                path, type, FileChannel.open(path, StandardOpenOption.WRITE), (size, digest) -> {});
    }

    private ImageWriter(
            Path path,
            ImageType type,
            FileChannel channel,
            BiConsumer<Long, FileDigest> whenClosed) {
        this.path = path;
        this.whenClosed = whenClosed;
        this.channel = channel;
        switch (type.head()) {
            case NORMAL -> buffer.putInt(ImageType.COMMON_MAGIC).putInt(type.magic());
            case SERVICE -> buffer.putInt(ImageType.SERVICE_MAGIC).putInt(type.magic());
            case INVENTORY -> buffer.putInt(type.magic());
            case RAW -> {
                // payload from the first byte
            }
        }
    }

    private static FileChannel create(Path path) {
        try {
            try {
                return FileChannel.open(path, OPTIONS, OWNER_ONLY);
            } catch (FileAlreadyExistsException e) {
                if (!Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
                    throw new JcriuException(
                                    Kind.IO, "cannot write " + path + ": not a regular file", e)
                            .withHint("remove it, or choose another --images-dir");
                }
                Files.delete(path);
                return FileChannel.open(path, OPTIONS, OWNER_ONLY);
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot create " + path + ": " + reason(e), e)
                    .withHint("check the directory given with --images-dir");
        }
    }

    /** Appends an entry: u32 length, body. */
    public void write(MessageLite entry) {
        if (!entry.isInitialized()) {
            // no reader would take it
            throw new IllegalArgumentException(
                    entry.getClass().getSimpleName() + " for " + path + " lacks a required field");
        }
        byte[] body = entry.toByteArray();
        requireUsable();
        if (buffer.remaining() < 4) {
            flush();
        }
        buffer.putInt(body.length);
        writeRaw(body);
    }

    /** Appends payload bytes. */
    public void writeRaw(byte[] bytes) {
        writeRaw(ByteBuffer.wrap(bytes));
    }

    /** Appends the bytes between position and limit, and moves the position there. */
    public void writeRaw(ByteBuffer bytes) {
        requireUsable();
        if (bytes.remaining() > buffer.remaining()) {
            flush();
        }
        if (bytes.remaining() > buffer.capacity()) {
            drain(bytes);
        } else {
            buffer.put(bytes);
        }
    }

    private void requireUsable() {
        if (broken) {
            throw new IllegalStateException(path + " is used after a failed write");
        }
        if (closed) {
            throw new IllegalStateException(path + " is used after it was closed");
        }
    }

    private void flush() {
        buffer.flip();
        drain(buffer);
        buffer.clear();
    }

    private void drain(ByteBuffer from) {
        digest.put(from);
        drained += from.remaining();
        try {
            while (from.hasRemaining()) {
                channel.write(from);
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** Writes everything out and forces it to the disk: fsync(2). */
    void force() {
        requireUsable();
        flush();
        try {
            channel.force(true);
        } catch (IOException e) {
            throw failed(e);
        }
    }

    /** The digest of all that was written so far. */
    FileDigest digest() {
        requireUsable();
        flush();
        return digest.get();
    }

    private JcriuException failed(IOException e) {
        broken = true;
        return new JcriuException(Kind.IO, "cannot write " + path + ": " + reason(e), e)
                .withHint("make room on that file system, or choose another --images-dir");
    }

    /** A file system exception's message is often only the path. */
    private static String reason(IOException e) {
        if (e instanceof NoSuchFileException) {
            return "no such directory";
        }
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        return e.getMessage() != null ? e.getMessage() : e.getClass().getSimpleName();
    }

    /** Closes without writing: the file was prepared, and is not needed. */
    void abandon() {
        broken = true;
        close();
    }

    /** Writes out what is buffered, and closes; after a failed write only closes. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        try (FileChannel closing = channel) {
            if (!broken) {
                drained += buffer.position();
                digest.putLast(buffer.array(), buffer.position());
                buffer.flip();
                while (buffer.hasRemaining()) {
                    closing.write(buffer);
                }
            }
        } catch (IOException e) {
            throw failed(e);
        }
        if (!broken) {
            whenClosed.accept(drained, digest.get());
        }
    }
}
