package jcriu.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.proto.fs_entry;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.tty_data_entry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImageRoundTripTest {
    private static final fs_entry ENTRY =
            fs_entry.newBuilder().setCwdId(1).setRootId(2).setUmask(18).build();

    @TempDir Path directory;

    @Test
    void shouldReadWhatWasWritten() {
        long seed = Long.getLong("jcriu.test.seed", System.nanoTime());
        Random random = new Random(seed);
        ImageDir images = new ImageDir(directory);
        for (int round = 0; round < 50; round++) {
            List<tty_data_entry> entries = new ArrayList<>();
            List<byte[]> payloads = new ArrayList<>();
            try (ImageWriter out = images.writer(ImageType.TTY_DATA)) {
                for (int i = random.nextInt(20); i > 0; i--) {
                    tty_data_entry entry =
                            tty_data_entry
                                    .newBuilder()
                                    .setTtyId(random.nextInt())
                                    .setData(ByteString.copyFrom(bytes(random)))
                                    .build();
                    byte[] payload = bytes(random);
                    out.write(entry);
                    out.writeRaw(random.nextBoolean() ? direct(payload) : ByteBuffer.wrap(payload));
                    entries.add(entry);
                    payloads.add(payload);
                }
            }
            try (ImageReader in = images.reader(ImageType.TTY_DATA)) {
                for (int i = 0; i < entries.size(); i++) {
                    String where = "seed " + seed + ", round " + round + ", entry " + i;
                    assertEquals(entries.get(i), in.requireNext(tty_data_entry.parser()), where);
                    assertArrayEquals(payloads.get(i), in.raw(payloads.get(i).length), where);
                }
                in.requireEnd();
            }
        }
    }

    /** Around nothing, small, and beyond the buffers. */
    private static byte[] bytes(Random random) {
        int[] bounds = {1, 100, 20_000, 200_000};
        byte[] bytes = new byte[random.nextInt(bounds[random.nextInt(bounds.length)])];
        random.nextBytes(bytes);
        return bytes;
    }

    private static ByteBuffer direct(byte[] bytes) {
        return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
    }

    @Test
    void shouldKeepImagesToTheOwner() throws IOException {
        ImageDir images = new ImageDir(directory);
        Path path = images.path(ImageType.FS, 1);
        Files.createFile(path);
        Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-rw-rw-"));
        images.writer(ImageType.FS, 1).close();
        assertEquals(
                "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
    }

    @Test
    void shouldLeaveOtherLinksOfAnOlderImageAlone() throws IOException {
        ImageDir images = new ImageDir(directory);
        Path path = images.path(ImageType.FS, 1);
        Path copy = directory.resolve("copy");
        Files.writeString(path, "older");
        Files.createLink(copy, path);
        images.writer(ImageType.FS, 1).close();
        assertEquals("older", Files.readString(copy));
        assertEquals(8, Files.size(path));
    }

    @Test
    void shouldNotWriteThroughASymbolicLink() throws IOException {
        ImageDir images = new ImageDir(directory);
        Path precious = Files.writeString(directory.resolve("precious"), "precious");
        Files.createSymbolicLink(images.path(ImageType.FS, 1), precious);
        JcriuException e =
                assertThrows(JcriuException.class, () -> images.writer(ImageType.FS, 1).close());
        assertTrue(e.what().contains("not a regular file"), e.what());
        assertEquals("precious", Files.readString(precious));
    }

    @Test
    void shouldRefuseUseAfterClose() {
        ImageDir images = new ImageDir(directory);
        ImageWriter out = images.writer(ImageType.FS, 1);
        out.write(ENTRY);
        out.close();
        out.close();
        assertThrows(IllegalStateException.class, () -> out.write(ENTRY));
        ImageReader in = images.reader(ImageType.FS, 1);
        in.close();
        in.close();
        assertThrows(IllegalStateException.class, () -> in.next(fs_entry.parser()));
    }

    @Test
    void shouldRefuseUseAfterAFailedWrite() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.isWritable(full), "needs /dev/full");
        // a device cannot stand in an images directory, so the writer is given it open
        ImageWriter out = ImageWriter.onto(full, ImageType.FS);
        JcriuException e =
                assertThrows(JcriuException.class, () -> out.writeRaw(new byte[100_000]));
        assertEquals(Kind.IO, e.kind());
        assertTrue(e.what().contains("No space left"), e.what());
        assertThrows(IllegalStateException.class, () -> out.write(ENTRY));
        out.close();
    }

    @Test
    void shouldNotWriteWhatNobodyCanRead() {
        try (ImageWriter out = new ImageDir(directory).writer(ImageType.FS, 1)) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> out.write(fs_entry.newBuilder().setCwdId(1).buildPartial()));
        }
    }

    @Test
    void shouldTakeAwayWhatItWrote() throws IOException {
        ImageDir images = new ImageDir(directory);
        Path other = Files.writeString(directory.resolve("dump.log"), "kept");
        images.begin();
        images.writer(ImageType.FS, 1).close();
        images.wrote(Files.createFile(images.path(ImageType.PAGES, 1)));
        images.complete(inventory_entry.newBuilder().setImgVersion(2).build());
        images.syncDirectory();
        assertTrue(images.isComplete());
        assertFalse(
                Files.exists(directory.resolve("inventory.img.tmp"), LinkOption.NOFOLLOW_LINKS));
        images.deleteWritten();
        assertFalse(images.isComplete());
        try (var left = Files.list(directory)) {
            assertEquals(List.of(other), left.toList());
        }
    }
}
