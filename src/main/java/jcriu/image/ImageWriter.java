package jcriu.image;

import com.google.protobuf.MessageLite;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/**
 * Writes one image: its magics, then entries and payloads. After a failed write it refuses further
 * use.
 */
public final class ImageWriter implements AutoCloseable {
    private static final Set<OpenOption> OPTIONS =
            Set.of(
                    StandardOpenOption.CREATE,
                    StandardOpenOption.WRITE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    LinkOption.NOFOLLOW_LINKS);
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_ONLY =
            PosixFilePermissions.asFileAttribute(
                    Set.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE));

    private final Path path;
    private SeekableByteChannel channel;
    private ByteBuffer buffer = ByteBuffer.allocate(16 << 10).order(ByteOrder.LITTLE_ENDIAN);
    private boolean broken;

    ImageWriter(Path path, ImageType type) {
        this.path = path;
        try {
            channel = Files.newByteChannel(path, OPTIONS, OWNER_ONLY);
        } catch (IOException e) {
            throw failed(e);
        }
        switch (type.head()) {
            case NORMAL -> buffer.putInt(ImageType.COMMON_MAGIC).putInt(type.magic());
            case SERVICE -> buffer.putInt(ImageType.SERVICE_MAGIC).putInt(type.magic());
            case INVENTORY -> buffer.putInt(type.magic());
            case RAW -> {
                // payload from the first byte
            }
        }
    }

    /** Appends an entry: u32 length, body. */
    public void write(MessageLite entry) {
        byte[] body = entry.toByteArray();
        room(4);
        buffer.putInt(body.length);
        writeRaw(body);
    }

    /** Appends payload bytes. */
    public void writeRaw(byte[] bytes) {
        int at = 0;
        while (at < bytes.length) {
            room(1);
            int n = Math.min(buffer.remaining(), bytes.length - at);
            buffer.put(bytes, at, n);
            at += n;
        }
    }

    private void room(int bytes) {
        if (broken) {
            throw new IllegalStateException(path + " is used after a failed write");
        }
        if (buffer.remaining() < bytes) {
            flush();
        }
    }

    private void flush() {
        buffer.flip();
        try {
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        } catch (IOException e) {
            throw failed(e);
        }
        buffer.clear();
    }

    private JcriuException failed(IOException e) {
        broken = true;
        return new JcriuException(Kind.IO, "cannot write " + path + ": " + reason(e), e)
                .withHint("make room on that file system, or choose another --images-dir");
    }

    private static String reason(IOException e) {
        return e.getMessage() != null ? e.getMessage() : e.getClass().getSimpleName();
    }

    @Override
    public void close() {
        if (channel == null) {
            return;
        }
        try (SeekableByteChannel closing = channel) {
            channel = null;
            if (!broken) {
                buffer.flip();
                while (buffer.hasRemaining()) {
                    closing.write(buffer);
                }
            }
        } catch (IOException e) {
            throw failed(e);
        }
    }
}
