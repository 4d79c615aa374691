package jcriu.restore;

import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import com.sun.management.ThreadMXBean;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageCodec;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.mm_entry;
import jcriu.resource.AddressSpace;
import jcriu.resource.X86Fpu;
import jcriu.resource.X86Registers;
import jcriu.store.Pagemap;

/**
 * Feeds images that nobody wrote to everything that reads images before a restore makes its first
 * process. An input says what to do to a good set of images; each byte of it decides something.
 *
 * <p>Every input must be read, or be refused by a {@link JcriuException} that is not our own
 * defect, in time and memory that its size explains. {@code scripts/fuzz} runs it under Jazzer, by
 * {@link #fuzzerTestOneInput}.
 */
public final class ImageFuzz {
    private static final int MAX_BYTES = 1 << 20;

    /** Three times what any of the good sets takes, which have 400 KiB at most. */
    private static final long MAX_ALLOCATED_BYTES = 16 << 20;

    private static final ThreadMXBean ALLOCATIONS =
            (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int XSAVE_BYTES = 2696;

    private static final long[] VALUES = {
        0,
        1,
        2,
        -1,
        4095,
        4096,
        65536,
        Integer.MAX_VALUE,
        Integer.MIN_VALUE,
        0xffffffffL,
        1L << 32,
        Long.MAX_VALUE,
        Long.MIN_VALUE,
        0x7ffffffff000L,
        0x7fffffffe000L,
        -4096,
        1 << 22,
        1 << 26
    };
    private static final String[] TEXTS = {
        "", "/", "/..", "/tmp/../etc/x", "x", "/a\0b", "/dev/zero", "/" + "y".repeat(5000)
    };

    /** Good images by directory and name. */
    private static final List<Map<String, byte[]>> GOOD = new ArrayList<>();

    /** One directory for each good set, as it is between two inputs. */
    private static Path[] directories;

    private ImageFuzz() {}

    /** What the fuzzer calls. */
    public static void fuzzerTestOneInput(byte[] input) {
        try {
            run(input);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Runs one input.
     *
     * @return what the images were refused with, or nothing if they were read
     */
    static Optional<String> run(byte[] input) throws IOException {
        prepare();
        Choices choices = new Choices(input);
        long before = ALLOCATIONS.getCurrentThreadAllocatedBytes();
        Optional<String> refusal = choices.pick(4) == 0 ? decode(choices) : tree(choices);
        long took = ALLOCATIONS.getCurrentThreadAllocatedBytes() - before;
        if (took > MAX_ALLOCATED_BYTES + 100L * input.length) {
            throw new IllegalStateException("images of some KiB took " + took + " bytes to read");
        }
        return refusal;
    }

    private static void prepare() throws IOException {
        if (directories != null) {
            return;
        }
        GOOD.addAll(GoodImages.all().values());
        Path memory = Path.of("/dev/shm");
        Path top =
                Files.isWritable(memory)
                        ? Files.createTempDirectory(memory, "jcriu-fuzz")
                        : Files.createTempDirectory("jcriu-fuzz");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> clear(top)));
        Path[] sets = new Path[GOOD.size()];
        for (int set = 0; set < sets.length; set++) {
            sets[set] = Files.createDirectory(top.resolve(Integer.toString(set)));
            for (Map.Entry<String, byte[]> image : GOOD.get(set).entrySet()) {
                Files.write(sets[set].resolve(image.getKey()), image.getValue());
            }
        }
        directories = sets;
    }

    private static void clear(Path top) {
        try (Stream<Path> files = Files.walk(top)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            System.err.println("cannot remove " + top + ": " + e);
        }
    }

    private interface Check {
        void run() throws IOException;
    }

    private static Optional<String> refusal(Check check) throws IOException {
        try {
            check.run();
            return Optional.empty();
        } catch (JcriuException e) {
            if (e.kind() != Kind.IMAGE && e.kind() != Kind.RESTORE_REFUSED) {
                throw new IllegalStateException("the images are at fault, not " + e.kind(), e);
            }
            return Optional.of(e.render());
        }
    }

    /** One image of any kind, from bytes as they are. */
    private static Optional<String> decode(Choices choices) throws IOException {
        Path directory = directories[0];
        List<ImageType> kinds = Stream.of(ImageType.values()).filter(ImageCodec::knows).toList();
        ImageType kind = kinds.get(choices.pick(kinds.size()));
        byte[] rest = choices.rest();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        if (rest.length > 0 && (rest[0] & 1) == 0) {
            ByteBuffer magics = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            switch (kind.head()) {
                case NORMAL -> magics.putInt(0x54564319).putInt(kind.magic());
                case SERVICE -> magics.putInt(0x55105940).putInt(kind.magic());
                case INVENTORY -> magics.putInt(kind.magic());
                case RAW -> {
                    // none
                }
            }
            bytes.write(magics.array(), 0, magics.position());
        }
        bytes.write(rest, Math.min(1, rest.length), Math.max(0, rest.length - 1));
        ImageDir images = new ImageDir(directory);
        Object[] ids = {kind == ImageType.STATS ? "fuzz" : (Object) 4000000};
        Path file = images.path(kind, ids);
        Path copy = images.path(ImageType.IRMAP_CACHE);
        byte[] before = Files.exists(file) ? Files.readAllBytes(file) : null;
        Files.write(file, bytes.toByteArray());
        try {
            return refusal(
                    () -> {
                        if (kind == ImageType.PAGEMAP) {
                            Pagemap.read(images, kind, 4000000);
                        }
                        try (ImageReader in = images.reader(kind, ids);
                                ImageWriter out = images.writer(ImageType.IRMAP_CACHE)) {
                            ImageCodec.copy(kind, in, out);
                        }
                    });
        } finally {
            Files.deleteIfExists(copy);
            if (before == null) {
                Files.delete(file);
            } else {
                Files.write(file, before);
            }
        }
    }

    /** A whole set of images, changed in some places. */
    private static Optional<String> tree(Choices choices) throws IOException {
        int set = choices.pick(GOOD.size());
        Path directory = directories[set];
        List<String> names = new ArrayList<>(GOOD.get(set).keySet());
        Map<String, byte[]> changed = new TreeMap<>();
        do {
            String name = names.get(choices.pick(names.size()));
            byte[] image = changed.getOrDefault(name, GOOD.get(set).get(name));
            byte[] now = change(name, image, choices);
            changed.put(name, now);
        } while (!choices.isEmpty());
        try {
            for (Map.Entry<String, byte[]> image : changed.entrySet()) {
                Path file = directory.resolve(image.getKey());
                if (image.getValue() == null) {
                    Files.delete(file);
                } else {
                    Files.write(file, image.getValue());
                }
            }
            return refusal(() -> readAll(new ImageDir(directory)));
        } finally {
            for (String name : changed.keySet()) {
                Files.write(directory.resolve(name), GOOD.get(set).get(name));
            }
        }
    }

    /** Everything that happens before the first process. */
    private static void readAll(ImageDir images) {
        ImageCheck loaded = ImageCheck.read(images);
        List<mm_entry> mms = new ArrayList<>();
        for (LoadedTask task : loaded.tree()) {
            if (task.zombie()) {
                continue;
            }
            mms.add(task.mm);
            task.pages.close();
            for (core_entry core : task.cores) {
                X86Fpu.restore(
                        core.getThreadInfo().getFpregs(), new byte[XSAVE_BYTES], task.coreFile());
                X86Registers.restore(core.getThreadInfo().getGpregs());
            }
        }
        AddressSpace.findHole(mms, List.of(), 1 << 20);
    }

    /** Null where the file goes. */
    private static byte[] change(String name, byte[] image, Choices choices) throws IOException {
        if (image == null || image.length == 0) {
            return choices.rest();
        }
        ImageType type = ImageType.ofFileName(name);
        int how = choices.pick(16);
        if (how == 0) {
            return null;
        }
        if (how == 1) {
            return java.util.Arrays.copyOf(image, choices.pick(image.length + 1));
        }
        if (how < 4) {
            byte[] now = image.clone();
            now[choices.pick(image.length)] = (byte) choices.pick(256);
            return now;
        }
        boolean pagemap = type == ImageType.PAGEMAP || type == ImageType.SHMEM_PAGEMAP;
        Parser<? extends MessageLite> parser = type == null ? null : ImageCodec.plain(type);
        if (parser == null && !pagemap) {
            byte[] now = image.clone();
            int at = choices.pick(image.length);
            now[at] = (byte) VALUES[choices.pick(VALUES.length)];
            return now;
        }
        int head = type.head() == ImageType.Head.INVENTORY ? 4 : 8;
        List<Message> entries = new ArrayList<>();
        try {
            ByteBuffer in = ByteBuffer.wrap(image).order(ByteOrder.LITTLE_ENDIAN).position(head);
            while (in.hasRemaining()) {
                int length = in.getInt();
                if (length < 0 || length > in.remaining()) {
                    return image; // an earlier change left nothing to decode
                }
                byte[] body = new byte[length];
                in.get(body);
                Parser<? extends MessageLite> of = parser;
                if (pagemap) {
                    of =
                            entries.isEmpty()
                                    ? jcriu.image.proto.pagemap_head.parser()
                                    : jcriu.image.proto.pagemap_entry.parser();
                }
                entries.add((Message) of.parseFrom(body));
            }
        } catch (IOException | RuntimeException e) {
            return image;
        }
        if (entries.isEmpty() || image.length > MAX_BYTES) {
            return image; // a change may double an image, and an input may ask for many
        }
        int at = choices.pick(entries.size());
        switch (how) {
            case 4 -> entries.remove(at);
            case 5 -> entries.add(entries.get(at));
            case 6 -> entries.add(at, entries.remove(choices.pick(entries.size())));
            default -> entries.set(at, edit(entries.get(at), choices));
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(image, 0, head);
        for (Message entry : entries) {
            byte[] body = entry.toByteArray();
            out.write(
                    ByteBuffer.allocate(4)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .putInt(body.length)
                            .array());
            out.write(body);
        }
        return out.toByteArray();
    }

    private static Message edit(Message message, Choices choices) {
        Message.Builder builder = message.toBuilder();
        List<FieldDescriptor> fields = message.getDescriptorForType().getFields();
        if (fields.isEmpty()) {
            return message;
        }
        // fields that are there, mostly: many kinds of files share one message
        List<FieldDescriptor> set = new ArrayList<>(message.getAllFields().keySet());
        FieldDescriptor field =
                set.isEmpty() || choices.pick(8) == 0
                        ? fields.get(choices.pick(fields.size()))
                        : set.get(choices.pick(set.size()));
        if (!field.isRepeated()) {
            if (!field.isRequired() && choices.pick(12) == 0) {
                return builder.clearField(field).buildPartial();
            }
            return builder.setField(field, value(field, message.getField(field), choices))
                    .buildPartial();
        }
        int count = message.getRepeatedFieldCount(field);
        int how = choices.pick(8);
        if (count == 0) {
            Object fresh =
                    field.getJavaType() == FieldDescriptor.JavaType.MESSAGE
                            ? builder.newBuilderForField(field).buildPartial()
                            : value(field, null, choices);
            return builder.addRepeatedField(field, fresh).buildPartial();
        }
        int at = choices.pick(count);
        if (how == 0) {
            builder.clearField(field);
            for (int i = 0; i < count; i++) {
                if (i != at) {
                    builder.addRepeatedField(field, message.getRepeatedField(field, i));
                }
            }
        } else if (how == 1) {
            int times = 1 << choices.pick(12);
            for (int i = 0; i < times; i++) {
                builder.addRepeatedField(field, message.getRepeatedField(field, at));
            }
        } else {
            builder.setRepeatedField(
                    field, at, value(field, message.getRepeatedField(field, at), choices));
        }
        return builder.buildPartial();
    }

    private static Object value(FieldDescriptor field, Object now, Choices choices) {
        return switch (field.getJavaType()) {
            case MESSAGE -> edit((Message) now, choices);
            case BOOLEAN -> choices.pick(2) == 0;
            case STRING -> TEXTS[choices.pick(TEXTS.length)];
            case BYTE_STRING ->
                    com.google.protobuf.ByteString.copyFrom(new byte[1 << choices.pick(16)])
                            .substring(choices.pick(2));
            case ENUM -> {
                List<EnumValueDescriptor> values = field.getEnumType().getValues();
                yield values.get(choices.pick(values.size()));
            }
            case INT -> (int) number(now == null ? 0 : (Integer) now, choices);
            case LONG -> number(now == null ? 0 : (Long) now, choices);
            default -> throw new IllegalStateException("no image has a " + field.getJavaType());
        };
    }

    private static long number(long now, Choices choices) {
        return switch (choices.pick(4)) {
            case 0 -> VALUES[choices.pick(VALUES.length)];
            case 1 -> now + (byte) choices.pick(256);
            case 2 -> now ^ 1L << choices.pick(64);
            default -> now + 4096L * (byte) choices.pick(256);
        };
    }

    /** The input as a row of decisions; after its end all are 0. */
    private static final class Choices {
        private final byte[] bytes;
        private int at;

        Choices(byte[] bytes) {
            this.bytes = bytes;
        }

        boolean isEmpty() {
            return at >= bytes.length;
        }

        int pick(int bound) {
            int value = 0;
            for (int limit = 1; limit < bound && at < bytes.length; limit <<= 8) {
                value = value << 8 | bytes[at++] & 0xff;
                if (limit >= 1 << 16) {
                    break;
                }
            }
            return bound <= 1 ? 0 : Math.floorMod(value, bound);
        }

        byte[] rest() {
            byte[] rest =
                    java.util.Arrays.copyOfRange(bytes, Math.min(at, bytes.length), bytes.length);
            at = bytes.length;
            return rest;
        }
    }

    /** For messages of failed tests. */
    static String describe(byte[] input) {
        StringBuilder text = new StringBuilder();
        for (byte b : input) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }
}
