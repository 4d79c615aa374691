package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Optional;
import jcriu.OpenFiles;
import jcriu.errors.JcriuException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.store.PageDigests;
import jcriu.store.PageTarget;
import jcriu.store.Pagemap;
import jcriu.store.Runs;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class LocalXferTest {
    private static final long PAGE = 4096;

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
            LocalXfer xfer = open(workers, LocalXfer.Digesting.NO);
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
                LocalXfer xfer = open(workers, LocalXfer.Digesting.NO)) {
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
                LocalXfer xfer =
                        new LocalXfer(
                                images, PageTarget.task(id), id, workers, LocalXfer.Digesting.NO);
                xfer.expect(8 << 20);
                xfer.data(0, 4096);
                assertEquals(0, OpenFiles.below(directory));
                xfer.close();
            }
        }
    }

    /** Runs of all lengths, across the end of the part that room was made for. */
    @ParameterizedTest
    @EnumSource
    void shouldPutEachPageInItsPlace(LocalXfer.Digesting digesting) throws IOException {
        Runs pages = new Runs();
        for (long page = 0; pages.bytes() < 7 << 20; page += page % 37 + 2) {
            pages.add(page * PAGE, (page + page % 37 + 1) * PAGE);
        }
        ImageDir images = new ImageDir(directory);
        try (Workers workers = new Workers();
                LocalXfer xfer = open(workers, digesting)) {
            xfer.expect(5 << 20);
            PagesOut.plan(pages, new Runs(), xfer);
            PagesOut.copy(LocalXferTest::number, pages, xfer, workers);
            xfer.finish();
        }
        ByteBuffer file =
                ByteBuffer.wrap(Files.readAllBytes(directory.resolve("pages-1.img")))
                        .order(ByteOrder.nativeOrder());
        assertEquals(pages.bytes(), file.capacity());
        Pagemap pagemap = Pagemap.read(images, ImageType.PAGEMAP, 7).orElseThrow();
        Optional<PageDigests> digests = PageDigests.read(images, pagemap);
        assertEquals(digesting != LocalXfer.Digesting.NO, digests.isPresent());
        int at = 0;
        byte[] content = new byte[(int) PAGE];
        for (int i = 0; i < pages.size(); i++) {
            for (long page = pages.start(i); page < pages.end(i); page += PAGE) {
                assertEquals(page, file.getLong(at));
                assertEquals(page, file.getLong(at + content.length - 8));
                file.get(at, content);
                assertTrue(digests.isEmpty() || digests.get().matches(at / PAGE, content));
                at += content.length;
            }
        }
    }

    /** With and without room that was made for it, and files longer and shorter than it. */
    @ParameterizedTest
    @CsvSource({
        "0,3,1,AT_ONCE",
        "0,1,3,AT_THE_END",
        "8,1000,900,AT_ONCE",
        "8,900,1000,AT_THE_END",
        "8,3000,1,AT_THE_END",
        "8,1,5000,AT_THE_END"
    })
    void shouldForgetWhatWasForPractice(
            int expectedMib, int practised, int pages, LocalXfer.Digesting digesting)
            throws IOException {
        ImageDir images = new ImageDir(directory);
        try (Workers workers = new Workers();
                LocalXfer xfer = open(workers, digesting)) {
            xfer.expect((long) expectedMib << 20);
            Runs before = Runs.of(PAGE, (1 + practised) * PAGE);
            PagesOut.plan(before, Runs.of(0, PAGE), xfer);
            PagesOut.copy(LocalXferTest::number, before, xfer, workers);
            xfer.forget();
            assertEquals(0, xfer.dataBytes() + xfer.parentBytes());
            Runs now = Runs.of(7 * PAGE, (7 + pages) * PAGE);
            PagesOut.plan(now, new Runs(), xfer);
            PagesOut.copy(LocalXferTest::number, now, xfer, workers);
            xfer.finish();
        }
        ByteBuffer file =
                ByteBuffer.wrap(Files.readAllBytes(directory.resolve("pages-1.img")))
                        .order(ByteOrder.nativeOrder());
        assertEquals(pages * PAGE, file.capacity());
        for (int i = 0; i < pages; i++) {
            assertEquals((7 + i) * PAGE, file.getLong(i * (int) PAGE));
        }
        Pagemap pagemap = Pagemap.read(images, ImageType.PAGEMAP, 7).orElseThrow();
        assertEquals(1, pagemap.runs().size());
        PageDigests digests = PageDigests.read(images, pagemap).orElseThrow();
        byte[] last = Arrays.copyOfRange(file.array(), (pages - 1) * (int) PAGE, file.capacity());
        assertTrue(digests.matches(pages - 1, last));
    }

    /**
     * What was copied is read again to be digested; a mapping of what is cut off would be our end.
     */
    @Test
    void shouldRefuseAFileThatWasTruncatedBeforeItWasDigested() throws IOException {
        Runs pages = Runs.of(0, 8 << 20);
        Path path = directory.resolve("pages-1.img");
        try (Workers workers = new Workers();
                LocalXfer xfer = open(workers, LocalXfer.Digesting.AT_THE_END)) {
            xfer.expect(pages.bytes());
            PagesOut.plan(pages, new Runs(), xfer);
            PagesOut.copy(LocalXferTest::number, pages, xfer, workers);
            try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
                file.truncate(5 << 20);
            }
            JcriuException e = assertThrows(JcriuException.class, xfer::finish);
            assertEquals("somebody has truncated " + path, e.what());
        }
    }

    private LocalXfer open(Workers workers, LocalXfer.Digesting digesting) {
        return new LocalXfer(new ImageDir(directory), PageTarget.task(7), 1, workers, digesting);
    }

    /** Fills each page with its address. */
    private static void number(long start, long to, long length) {
        MemoryIO memory = MemoryIO.getInstance();
        for (long i = 0; i < length; i += 8) {
            memory.putLong(to + i, start + i & -PAGE);
        }
    }
}
