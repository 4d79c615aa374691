package jcriu.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.dynatrace.hash4j.hashing.HashValue128;
import com.dynatrace.hash4j.hashing.Hashing;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import jcriu.errors.ImageFormatException;
import jcriu.image.proto.fs_entry;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.jcriu_checkpoint_kind;
import jcriu.image.proto.jcriu_manifest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ManifestTest {
    private static final UUID ID = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");
    private static final UUID PARENT = UUID.randomUUID();

    @TempDir Path directory;

    private ImageDir write() {
        ImageDir images = new ImageDir(directory);
        images.prepare(ImageType.SECCOMP);
        images.prepare(ImageType.JCRIU_MANIFEST);
        try (ImageWriter out = images.writer(ImageType.FS, 1)) {
            out.write(fs_entry.newBuilder().setCwdId(1).setRootId(2).build());
        }
        byte[] large = new byte[300_000];
        new Random(1).nextBytes(large);
        try (ImageWriter out = images.writer(ImageType.GHOST_FILE, 1)) {
            out.write(fs_entry.newBuilder().setCwdId(1).setRootId(2).build());
            out.writeRaw(ByteBuffer.allocateDirect(large.length).put(large).flip());
            out.writeRaw(large);
        }
        images.record(new FileRecord("pages-1.img", 8192, Optional.empty(), true));
        jcriu_manifest head =
                Manifest.head(ID, jcriu_checkpoint_kind.JCRIU_DUMP)
                        .setPagesNew(2)
                        .setPagesParent(3)
                        .setTracker("digest")
                        .setParentId(Manifest.bytes(PARENT))
                        .build();
        images.stageInventory(
                inventory_entry.newBuilder().setImgVersion(2).build(), Optional.of(head));
        images.renameInventory();
        images.discardPrepared();
        return new ImageDir(directory);
    }

    private static FileDigest digest(Path file) throws IOException {
        HashValue128 value = Hashing.xxh3_128().hashBytesTo128Bits(Files.readAllBytes(file));
        return new FileDigest(value.getLeastSignificantBits(), value.getMostSignificantBits());
    }

    @Test
    void shouldListWhatWasWritten() throws IOException {
        ImageDir images = write();
        Manifest manifest = Manifest.read(images).orElseThrow();
        assertEquals(ID, manifest.id());
        assertEquals(PARENT, manifest.parentId().orElseThrow());
        assertEquals(3, manifest.head().getPagesParent());
        assertEquals(
                List.of("fs-1.img", "ghost-file-1.img", "inventory.img", "pages-1.img"),
                manifest.files().stream().map(FileRecord::name).toList());
        for (FileRecord file : manifest.files()) {
            if (file.digestedByPage()) {
                assertEquals(8192, file.size());
                continue;
            }
            Path path = directory.resolve(file.name());
            assertEquals(Files.size(path), file.size(), file.name());
            assertEquals(digest(path), file.digest().orElseThrow(), file.name());
        }
        assertFalse(Files.exists(images.path(ImageType.SECCOMP)));
    }

    @Test
    void shouldHaveNoneWhereCriuDumped() throws IOException {
        Files.delete(write().path(ImageType.JCRIU_MANIFEST));
        assertTrue(Manifest.read(new ImageDir(directory)).isEmpty());
    }

    /** Every bit counts, and so does every byte at the end. */
    @Test
    void shouldRefuseADamagedOne() throws IOException {
        ImageDir images = write();
        Path path = images.path(ImageType.JCRIU_MANIFEST);
        byte[] good = Files.readAllBytes(path);
        for (int i = 0; i < good.length; i++) {
            byte[] bad = good.clone();
            bad[i] = (byte) (bad[i] ^ 1 << i % 8);
            Files.write(path, bad);
            assertThrows(ImageFormatException.class, () -> Manifest.read(images), "byte " + i);
            Files.write(path, java.util.Arrays.copyOf(good, i));
            assertThrows(ImageFormatException.class, () -> Manifest.read(images), "cut at " + i);
        }
    }
}
