package jcriu.image;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/**
 * Reads one image: checks its magics, then gives entries and payloads one after the other.
 *
 * <p>Shape: {@code [u32 common magic][u32 type magic]} then {@code [u32 length][body][payload]...},
 * little endian; other heads are in {@link ImageType.Head}. A normal image that begins with its
 * type's magic is one of layout version 1 and is read as well.
 *
 * <p>Every length is checked against the end of the file before memory is taken for it, so memory
 * is bounded by the file's size. An image that does not exist has no entries.
 */
public final class ImageReader implements AutoCloseable {
    private static final int BUFFER_BYTES = 64 << 10;

    /**
     * No entry is nearly as long, 100,000 mappings or descriptors included; a decoded entry takes
     * several times its bytes of memory.
     */
    private static final int MAX_ENTRY_BYTES = 64 << 20;

    private final String name;
    private final SeekableByteChannel channel;
    private final long size;
    private final ByteBuffer buffer;
    private long position;
    private boolean closed;

    ImageReader(Path path, ImageType type) {
        this(new ImageDir(path.getParent()), path, type);
    }

    ImageReader(ImageDir directory, Path path, ImageType type) {
        this.name = path.getFileName().toString();
        this.channel = open(directory, path);
        try {
            this.size = channel == null ? 0 : channel.size();
            this.buffer =
                    ByteBuffer.allocate((int) Math.min(size, BUFFER_BYTES))
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .limit(0);
            if (channel != null) {
                head(type);
            }
        } catch (IOException e) {
            close();
            throw unreadable(e);
        } catch (JcriuException e) {
            close();
            throw e;
        }
    }

    private SeekableByteChannel open(ImageDir directory, Path path) {
        try {
            // looked at first: opening a FIFO would wait for a writer
            if (directory.sizeOf(path) < 0) {
                return null;
            }
            return Files.newByteChannel(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException e) {
            return null;
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    private JcriuException unreadable(IOException e) {
        return new JcriuException(Kind.IO, "cannot read " + name + ": " + e, e);
    }

    private void head(ImageType type) {
        switch (type.head()) {
            case NORMAL -> magics(ImageType.COMMON_MAGIC, type);
            case SERVICE -> magics(ImageType.SERVICE_MAGIC, type);
            case INVENTORY -> requireMagic(0, magic(), type.magic(), type.name());
            case RAW -> {
                // payload from the first byte
            }
        }
    }

    private void magics(int common, ImageType type) {
        int first = magic();
        if (first == type.magic()) {
            return; // layout version 1
        }
        requireMagic(0, first, common, "common");
        requireMagic(4, magic(), type.magic(), type.name());
    }

    private int magic() {
        if (remaining() < 4) {
            throw damaged(position, "ends inside its magic number");
        }
        return readInt();
    }

    private void requireMagic(long at, int found, int expected, String whose) {
        if (found != expected) {
            throw damaged(
                    at,
                    String.format(
                            "magic number is 0x%08x, expected 0x%08x (%s)",
                            found, expected, whose));
        }
    }

    private ImageFormatException damaged(long at, String what) {
        return (ImageFormatException)
                new ImageFormatException(name, at, what)
                        .withHint("the image is damaged: use another copy, or dump again");
    }

    /** Byte offset of what comes next. */
    public long position() {
        return position;
    }

    private long remaining() {
        if (closed) {
            throw new IllegalStateException(name + " is used after it was closed");
        }
        return size - position;
    }

    /**
     * The next entry, or nothing at the end of the file.
     *
     * @throws ImageFormatException if the file ends inside it, or it lacks a required field
     */
    public <T> Optional<T> next(Parser<T> parser) {
        long at = position;
        if (remaining() == 0) {
            return Optional.empty();
        }
        if (remaining() < 4) {
            throw damaged(at, "ends inside the length of an entry");
        }
        long length = readInt() & 0xffffffffL;
        if (length > remaining()) {
            throw damaged(at, "entry of " + length + " bytes, but only " + remaining() + " follow");
        }
        if (length > MAX_ENTRY_BYTES) {
            throw damaged(
                    at, "entry of " + length + " bytes; none has more than " + MAX_ENTRY_BYTES);
        }
        byte[] body = read((int) length);
        try {
            return Optional.of(parser.parseFrom(body));
        } catch (InvalidProtocolBufferException e) {
            MessageLite unfinished = e.getUnfinishedMessage();
            String message = unfinished == null ? "entry" : unfinished.getClass().getSimpleName();
            throw damaged(at, message + " cannot be decoded: " + e.getMessage());
        }
    }

    /** The only entry of an image that has exactly one. */
    public <T> T requireOne(Parser<T> parser) {
        T entry = requireNext(parser);
        if (remaining() > 0) {
            throw damaged(position, "has more than its one entry");
        }
        return entry;
    }

    /** The next entry, which must be there; a payload or more entries may follow it. */
    public <T> T requireNext(Parser<T> parser) {
        if (channel == null) {
            throw damaged(-1, "is missing");
        }
        return next(parser).orElseThrow(() -> damaged(position, "ends where an entry must be"));
    }

    /** Checks that everything was read. */
    public void requireEnd() {
        if (remaining() > 0) {
            throw damaged(position, remaining() + " bytes follow where the image must end");
        }
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
        if (length < 0 || length > remaining()) {
            throw damaged(
                    position,
                    "payload of "
                            + Long.toUnsignedString(length)
                            + " bytes, but only "
                            + remaining()
                            + " follow");
        }
        return read(requireArray(position, length));
    }

    /** Payload up to the end of the file. */
    public byte[] rest() {
        return raw(remaining());
    }

    private int requireArray(long at, long length) {
        if (length > Integer.MAX_VALUE - 8) {
            throw damaged(at, "piece of " + length + " bytes is more than jcriu reads at once");
        }
        return (int) length;
    }

    private int readInt() {
        return ByteBuffer.wrap(read(4)).order(ByteOrder.LITTLE_ENDIAN).getInt();
    }

    private byte[] read(int length) {
        byte[] bytes = new byte[length];
        int buffered = Math.min(length, buffer.remaining());
        buffer.get(bytes, 0, buffered);
        if (buffered < length) {
            ByteBuffer rest = ByteBuffer.wrap(bytes, buffered, length - buffered);
            if (rest.remaining() >= buffer.capacity()) {
                fill(rest);
            } else {
                long left = size - position - buffered;
                buffer.clear().limit((int) Math.min(buffer.capacity(), left));
                fill(buffer);
                buffer.flip();
                buffer.get(bytes, buffered, length - buffered);
            }
        }
        position += length;
        return bytes;
    }

    private void fill(ByteBuffer to) {
        try {
            while (to.hasRemaining()) {
                if (channel.read(to) < 0) {
                    throw damaged(position, "became shorter while it was read");
                }
            }
        } catch (IOException e) {
            throw unreadable(e);
        }
    }

    @Override
    public void close() {
        closed = true;
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                throw unreadable(e);
            }
        }
    }
}
