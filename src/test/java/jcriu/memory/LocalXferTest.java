package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import jcriu.OpenFiles;
import jcriu.errors.JcriuException;
import jcriu.image.ImageDir;
import jcriu.store.PageTarget;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalXferTest {
    @TempDir Path directory;

    /** Who may write to the directory has put a file there that is his, or is another file. */
    @Test
    void shouldWritePagesToAFileOfItsOwn() throws IOException {
        Path other = Files.writeString(directory.resolve("other"), "content");
        Path pages = directory.resolve("pages-1.img");
        Files.createLink(pages, other);
        requireNew(pages, other);
        Files.createSymbolicLink(pages, other);
        requireNew(pages, other);
    }

    private void requireNew(Path pages, Path other) throws IOException {
        try (Workers workers = new Workers()) {
            LocalXfer xfer =
                    new LocalXfer(new ImageDir(directory), PageTarget.task(7), 1, workers, false);
            assertTrue(Files.isRegularFile(pages, LinkOption.NOFOLLOW_LINKS));
            assertFalse(Files.isSameFile(pages, other));
            assertEquals(
                    "rw-------",
                    PosixFilePermissions.toString(Files.getPosixFilePermissions(pages)));
            xfer.close();
        }
        assertEquals("content", Files.readString(other));
    }

    /** The same, after it was created: it is opened again for each use. */
    @Test
    void shouldNotWritePagesToAFileThatTookItsPlace() throws IOException {
        Path other = Files.writeString(directory.resolve("other"), "content");
        Path pages = directory.resolve("pages-1.img");
        Runs runs = new Runs();
        runs.add(0, 4096);
        try (Workers workers = new Workers();
                LocalXfer xfer =
                        new LocalXfer(
                                new ImageDir(directory), PageTarget.task(7), 1, workers, false)) {
            xfer.data(0, 4096);
            Files.delete(pages);
            Files.createLink(pages, other);
            JcriuException e =
                    assertThrows(
                            JcriuException.class, () -> xfer.fill(runs, (start, to, length) -> {}));
            assertEquals("somebody has replaced " + pages, e.what());
        }
        assertEquals("content", Files.readString(other));
    }

    @Test
    void shouldHoldNoDescriptor() {
        try (Workers workers = new Workers()) {
            ImageDir images = new ImageDir(directory);
            for (int id = 1; id <= 3; id++) {
                LocalXfer xfer = new LocalXfer(images, PageTarget.task(id), id, workers, false);
                xfer.expect(8 << 20);
                xfer.data(0, 4096);
                assertEquals(0, OpenFiles.below(directory));
                xfer.close();
            }
        }
    }
}
