package jcriu.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import jcriu.errors.ImageFormatException;
import jcriu.errors.Kind;
import jcriu.image.proto.fs_entry;
import jcriu.image.proto.inventory_entry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class DamageTest {
    /** Eight bytes of magics, four of length, six of entry. */
    private static final fs_entry ENTRY =
            fs_entry.newBuilder().setCwdId(1).setRootId(2).setUmask(18).build();

    @TempDir Path directory;

    static List<Arguments> damages() {
        return List.of(
                damage("flipped common magic", at(0, 0x00), "fs-7.img at byte 0: magic number is"),
                damage("flipped magic", at(4, 0x00), "fs-7.img at byte 4: magic number is"),
                damage(
                        "magic of another kind",
                        at(4, 0x47),
                        "0x51403947, expected 0x51403912 (FS)"),
                damage("no byte at all", cut(0), "fs-7.img at byte 0: ends inside its magic"),
                damage("half a magic", cut(6), "fs-7.img at byte 4: ends inside its magic"),
                damage("no entry", cut(8), "fs-7.img at byte 8: ends where an entry must be"),
                damage("half a length", cut(10), "fs-7.img at byte 8: ends inside the length"),
                damage(
                        "half an entry",
                        cut(15),
                        "fs-7.img at byte 8: entry of 6 bytes, but only 3"),
                damage("length past the end", at(8, 7), "fs-7.img at byte 8: entry of 7 bytes"),
                damage(
                        "negative length",
                        at(11, 0x80),
                        "fs-7.img at byte 8: entry of 2147483654 bytes, but only 6 follow"),
                damage(
                        "truncated varint",
                        at(17, 0x92),
                        "fs-7.img at byte 8: fs_entry cannot be decoded"),
                damage(
                        "missing required field",
                        bytes -> Arrays.copyOf(at(8, 2).apply(bytes), 14),
                        "fs-7.img at byte 8: fs_entry cannot be decoded: Message missing required"
                                + " fields: root_id"),
                damage(
                        "trailing garbage",
                        bytes -> Arrays.copyOf(bytes, bytes.length + 3),
                        "fs-7.img at byte 18: has more than its one entry"));
    }

    private static Arguments damage(
            String name, UnaryOperator<byte[]> change, String expectedMessage) {
        return Arguments.of(name, change, expectedMessage);
    }

    private static UnaryOperator<byte[]> at(int offset, int value) {
        return bytes -> {
            bytes[offset] = (byte) value;
            return bytes;
        };
    }

    private static UnaryOperator<byte[]> cut(int length) {
        return bytes -> Arrays.copyOf(bytes, length);
    }

    private byte[] sound() throws IOException {
        Path path = directory.resolve("sound");
        try (ImageWriter out = new ImageWriter(path, ImageType.FS)) {
            out.write(ENTRY);
        }
        byte[] bytes = Files.readAllBytes(path);
        assertEquals(18, bytes.length);
        return bytes;
    }

    private ImageFormatException failure(ImageType type, Consumer<ImageReader> reading) {
        return assertThrows(
                ImageFormatException.class,
                () -> {
                    try (ImageReader in = new ImageDir(directory).reader(type, 7)) {
                        reading.accept(in);
                    }
                });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damages")
    void shouldNameFileAndOffsetWhenDamaged(
            String name, UnaryOperator<byte[]> change, String expectedMessage) throws IOException {
        Files.write(directory.resolve("fs-7.img"), change.apply(sound()));
        ImageFormatException e =
                failure(ImageType.FS, in -> assertEquals(ENTRY, in.requireOne(fs_entry.parser())));
        assertTrue(e.what().contains(expectedMessage), e.what());
        assertTrue(e.what().startsWith("fs-7.img at byte "), e.what());
        assertEquals(Kind.IMAGE, e.kind());
    }

    @Test
    void shouldNotAcceptAnyCutImage() throws IOException {
        byte[] sound = sound();
        for (int length = 0; length < sound.length; length++) {
            Files.write(directory.resolve("fs-7.img"), Arrays.copyOf(sound, length));
            failure(ImageType.FS, in -> in.requireOne(fs_entry.parser()));
        }
    }

    @Test
    void shouldNotAcceptGarbageAfterAnArray() throws IOException {
        byte[] sound = sound();
        Files.write(directory.resolve("fs-7.img"), Arrays.copyOf(sound, sound.length + 3));
        ImageFormatException e = failure(ImageType.FS, in -> in.readAll(fs_entry.parser()));
        assertEquals("fs-7.img at byte 18: ends inside the length of an entry", e.what());
    }

    @Test
    void shouldNotTakeMemoryForALengthThatTheFileDoesNotHave() throws IOException {
        byte[] sound = sound();
        ByteBuffer.wrap(sound).order(ByteOrder.LITTLE_ENDIAN).putInt(8, Integer.MAX_VALUE);
        Files.write(directory.resolve("fs-7.img"), sound);
        ImageFormatException e = failure(ImageType.FS, in -> in.next(fs_entry.parser()));
        assertEquals("fs-7.img at byte 8: entry of 2147483647 bytes, but only 6 follow", e.what());
    }

    @Test
    void shouldRejectPayloadsThatTheFileDoesNotHave() throws IOException {
        Files.write(directory.resolve("fs-7.img"), Arrays.copyOf(sound(), 21));
        for (long length : new long[] {4, -1, Long.MIN_VALUE, Long.MAX_VALUE}) {
            ImageFormatException e =
                    failure(
                            ImageType.FS,
                            in -> {
                                in.next(fs_entry.parser());
                                in.raw(length);
                            });
            assertTrue(e.what().startsWith("fs-7.img at byte 18: payload of "), e.what());
        }
    }

    @Test
    void shouldSayWhichImageIsMissing() {
        assertEquals(
                "fs-7.img: is missing",
                failure(ImageType.FS, in -> in.requireOne(fs_entry.parser())).what());
        try (ImageReader in = new ImageDir(directory).reader(ImageType.FS, 7)) {
            assertEquals(List.of(), in.readAll(fs_entry.parser()));
        }
    }

    @Test
    void shouldNotWaitForTheWriterOfAFifo() throws Exception {
        Path fifo = directory.resolve("fs-7.img");
        assertEquals(0, new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor());
        ImageFormatException e =
                assertTimeoutPreemptively(
                        Duration.ofSeconds(10),
                        () -> failure(ImageType.FS, in -> in.readAll(fs_entry.parser())));
        assertEquals("fs-7.img: is not a regular file", e.what());
    }

    @Test
    void shouldReadTheLayoutWithoutCommonMagic() throws IOException {
        byte[] sound = sound();
        Files.write(directory.resolve("fs-7.img"), Arrays.copyOfRange(sound, 4, sound.length));
        try (ImageReader in = new ImageDir(directory).reader(ImageType.FS, 7)) {
            assertEquals(ENTRY, in.requireOne(fs_entry.parser()));
        }
    }

    @Test
    void shouldRefuseUnknownVersionsAndMissingInventories() {
        ImageDir images = new ImageDir(directory);
        assertTrue(
                assertThrows(ImageFormatException.class, images::inventory)
                        .what()
                        .contains("no inventory.img"));
        images.complete(inventory_entry.newBuilder().setImgVersion(3).build());
        assertTrue(
                assertThrows(ImageFormatException.class, images::inventory)
                        .what()
                        .contains("image version 3 is not known"));
    }

    /** The inventory of a pre-dump as CRIU 3.17.1 wrote it. */
    @Test
    void shouldTakeAPreDumpOfCriuThoughItHasNoVersion() throws IOException {
        byte[] written = HexFormat.of().parseHex("16313158" + "09000000" + "080040c08581064801");
        ImageDir images = new ImageDir(directory);
        Files.write(images.path(ImageType.INVENTORY), written);
        assertTrue(images.inventory().hasPreDumpMode());
        assertEquals(0, images.inventory().getImgVersion());
        images.complete(inventory_entry.newBuilder().setImgVersion(0).build());
        assertTrue(
                assertThrows(ImageFormatException.class, images::inventory)
                        .what()
                        .contains("image version 0 is not known"));
    }

    @Test
    void shouldRefuseAParentThatIsNotThere() throws IOException {
        ImageDir images = new ImageDir(directory);
        assertTrue(images.parent().isEmpty());
        Files.createSymbolicLink(directory.resolve("parent"), Path.of("../gone"));
        assertTrue(
                assertThrows(ImageFormatException.class, images::parent)
                        .what()
                        .contains("parent is not a directory"));
    }
}
