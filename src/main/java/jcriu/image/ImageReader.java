package jcriu.image;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Parser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/**
 * Reads one image: checks its magics, then gives entries and payloads one after the other. The
 * whole file is read at once; memory is bounded by its size.
 */
public final class ImageReader implements AutoCloseable {
    private final String name;
    private final boolean missing;
    private final ByteBuffer content;

    ImageReader(Path path, ImageType type) {
        this.name = path.getFileName().toString();
        byte[] bytes = null;
        try {
            bytes = Files.readAllBytes(path);
        } catch (NoSuchFileException e) {
            // an image without entries does not exist
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + path + ": " + e.getMessage(), e);
        }
        this.missing = bytes == null;
        this.content =
                ByteBuffer.wrap(missing ? new byte[0] : bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (!missing) {
            switch (type.head()) {
                case NORMAL -> {
                    magic(ImageType.COMMON_MAGIC);
                    magic(type.magic());
                }
                case SERVICE -> {
                    magic(ImageType.SERVICE_MAGIC);
                    magic(type.magic());
                }
                case INVENTORY -> magic(type.magic());
                case RAW -> {
                    // payload from the first byte
                }
            }
        }
    }

    private void magic(int expected) {
        int at = content.position();
        if (content.remaining() < 4) {
            throw damaged(at, "ends inside its magic number");
        }
        int found = content.getInt();
        if (found != expected) {
            throw damaged(
                    at,
                    String.format("magic number is 0x%08x, expected 0x%08x", found, expected));
        }
    }

    private ImageFormatException damaged(long at, String what) {
        return (ImageFormatException)
                new ImageFormatException(name, at, what)
                        .withHint("the image is damaged: use another copy, or dump again");
    }

    /** Byte offset of what comes next. */
    public long position() {
        return content.position();
    }

    /** The next entry, or nothing at the end of the file. */
    public <T> Optional<T> next(Parser<T> parser) {
        int at = content.position();
        if (!content.hasRemaining()) {
            return Optional.empty();
        }
        if (content.remaining() < 4) {
            throw damaged(at, "ends inside the length of an entry");
        }
        int length = content.getInt();
        if (length < 0 || length > content.remaining()) {
            throw damaged(
                    at,
                    "entry of " + Integer.toUnsignedString(length) + " bytes, but only "
                            + content.remaining() + " follow");
        }
        try {
            T entry = parser.parseFrom(content.array(), content.position(), length);
            content.position(content.position() + length);
            return Optional.of(entry);
        } catch (InvalidProtocolBufferException e) {
            throw damaged(at, "entry cannot be decoded: " + e.getMessage());
        }
    }

    /** The only entry of an image that has exactly one. */
    public <T> T requireOne(Parser<T> parser) {
        if (missing) {
            throw damaged(-1, "is missing");
        }
        T entry = next(parser).orElseThrow(() -> damaged(content.position(), "has no entry"));
        if (content.hasRemaining()) {
            throw damaged(content.position(), "has more than its one entry");
        }
        return entry;
    }

    /** All entries that are left. */
    public <T> List<T> readAll(Parser<T> parser) {
        List<T> all = new ArrayList<>();
        Optional<T> entry;
        while ((entry = next(parser)).isPresent()) {
            all.add(entry.get());
        }
        return all;
    }

    /** Payload of {@code length} bytes. */
    public byte[] raw(long length) {
        if (length < 0 || length > content.remaining()) {
            throw damaged(
                    content.position(),
                    "payload of " + length + " bytes, but only " + content.remaining() + " follow");
        }
        byte[] bytes = new byte[(int) length];
        content.get(bytes);
        return bytes;
    }

    /** Payload up to the end of the file. */
    public byte[] rest() {
        return raw(content.remaining());
    }

    @Override
    public void close() {
        // everything was read when it was opened
    }
}
