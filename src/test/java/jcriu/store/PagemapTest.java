package jcriu.store;

import static jcriu.image.PagemapFlags.LAZY;
import static jcriu.image.PagemapFlags.PARENT;
import static jcriu.image.PagemapFlags.PRESENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import jcriu.OpenFiles;
import jcriu.errors.ImageFormatException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.pagemap_entry;
import jcriu.image.proto.pagemap_head;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class PagemapTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final Path SAMPLES = Path.of("src/test/resources/sample-images");

    @TempDir Path directory;
    private ImageDir images;

    @BeforeEach
    void open() {
        images = new ImageDir(directory);
    }

    private static pagemap_entry.Builder entry(long vaddr, long nrPages) {
        return pagemap_entry
                .newBuilder()
                .setVaddr(vaddr)
                .setCompatNrPages(0)
                .setNrPages(nrPages)
                .setFlags(PRESENT);
    }

    /** pagemap-7.img of these runs, pages-3.img of {@code pages} pages. */
    private void write(int pages, pagemap_entry.Builder... entries) throws IOException {
        try (ImageWriter out = images.writer(ImageType.PAGEMAP, 7)) {
            out.write(pagemap_head.newBuilder().setPagesId(3).build());
            for (pagemap_entry.Builder entry : entries) {
                out.write(entry.build());
            }
        }
        Files.write(images.path(ImageType.PAGES, 3), new byte[pages * PAGE]);
    }

    private Pagemap read() {
        return Pagemap.read(images, ImageType.PAGEMAP, 7).orElseThrow();
    }

    @Test
    void shouldGiveBackThePagesOfAPlainMap() throws IOException {
        long seed = Long.getLong("jcriu.test.seed", System.nanoTime());
        Random random = new Random(seed);
        for (int round = 0; round < 100; round++) {
            TreeMap<Long, byte[]> model = new TreeMap<>();
            for (int i = random.nextInt(60); i > 0; i--) {
                byte[] page = new byte[PAGE];
                random.nextBytes(page);
                model.put((long) random.nextInt(80) * PAGE, page);
            }
            Pagemap written = store(model, random);
            written.write(images, ImageType.PAGEMAP, 7);
            String where = "seed " + seed + ", round " + round;
            Pagemap read = read();
            assertEquals(written.pagesId(), read.pagesId(), where);
            TreeMap<Long, byte[]> found = load(read);
            assertEquals(model.keySet(), found.keySet(), where);
            model.forEach((vaddr, page) -> assertArrayEquals(page, found.get(vaddr), where));
            requireSeparate(read.runs(), where);
        }
    }

    /** One run for each page or for several, as chance has it; LAZY by address. */
    private Pagemap store(Map<Long, byte[]> model, Random random) throws IOException {
        List<PagemapRun> runs = new ArrayList<>();
        Path pages = images.path(ImageType.PAGES, 3);
        Files.deleteIfExists(pages);
        ByteBuffer content = ByteBuffer.allocate(model.size() * PAGE);
        for (Map.Entry<Long, byte[]> page : model.entrySet()) {
            int flags = PRESENT | (page.getKey() / PAGE % 10 < 5 ? LAZY : 0);
            long offset = random.nextBoolean() ? content.position() : -1;
            runs.add(new PagemapRun(page.getKey(), 1, flags, offset));
            content.put(page.getValue());
        }
        Files.write(pages, content.array());
        return new Pagemap(3, runs);
    }

    private TreeMap<Long, byte[]> load(Pagemap pagemap) {
        TreeMap<Long, byte[]> found = new TreeMap<>();
        try (PagesFile pages = PagesFile.open(images, pagemap)) {
            assertEquals(pagemap.presentBytes(), pages.sizeBytes());
            for (PagemapRun run : pagemap.runs()) {
                for (long at = 0; at < run.lengthBytes(); at += PAGE) {
                    byte[] page = new byte[PAGE];
                    pages.read(run.pagesOffset() + at, ByteBuffer.wrap(page));
                    found.put(run.vaddr() + at, page);
                }
            }
        }
        return found;
    }

    private static void requireSeparate(List<PagemapRun> runs, String where) {
        for (int i = 1; i < runs.size(); i++) {
            PagemapRun before = runs.get(i - 1);
            PagemapRun run = runs.get(i);
            assertTrue(
                    before.end() < run.vaddr()
                            || before.end() == run.vaddr() && before.flags() != run.flags(),
                    () -> where + ": " + before + " and " + run + " should be one");
        }
    }

    @Test
    void shouldRepeatCountsForOldReaders() throws IOException {
        Pagemap pagemap =
                new Pagemap(
                        3,
                        List.of(
                                new PagemapRun(0, 5, PRESENT, 0),
                                new PagemapRun(1L << 30, 1L << 32, LAZY, -1)));
        pagemap.write(images, ImageType.PAGEMAP, 7);
        try (ImageReader in = images.reader(ImageType.PAGEMAP, 7)) {
            in.requireNext(pagemap_head.parser());
            List<pagemap_entry> entries = in.readAll(pagemap_entry.parser());
            assertEquals(5, entries.get(0).getCompatNrPages());
            assertEquals(5, entries.get(0).getNrPages());
            assertEquals(0, entries.get(1).getCompatNrPages());
            assertEquals(1L << 32, entries.get(1).getNrPages());
        }
    }

    @Test
    void shouldRefuseToWriteRunsOutOfOrder() {
        for (List<PagemapRun> runs :
                List.of(
                        List.of(
                                new PagemapRun(PAGE, 1, PRESENT, -1),
                                new PagemapRun(0, 1, PRESENT, -1)),
                        List.of(
                                new PagemapRun(0, 2, PRESENT, -1),
                                new PagemapRun(PAGE, 1, PRESENT, -1)),
                        List.of(new PagemapRun(0, 1, PRESENT, PAGE)),
                        List.of(new PagemapRun(0, 0, PRESENT, -1)))) {
            assertThrows(
                    IllegalArgumentException.class,
                    () -> new Pagemap(3, runs).write(images, ImageType.PAGEMAP, 7));
        }
        assertTrue(Pagemap.read(images, ImageType.PAGEMAP, 7).isEmpty());
    }

    @Test
    void shouldReadOldRuns() throws IOException {
        Files.createDirectory(directory.resolve("earlier"));
        Files.createSymbolicLink(directory.resolve("parent"), Path.of("earlier"));
        write(
                5,
                pagemap_entry.newBuilder().setVaddr(0).setCompatNrPages(2),
                pagemap_entry.newBuilder().setVaddr(4 * PAGE).setCompatNrPages(1).setInParent(true),
                pagemap_entry
                        .newBuilder()
                        .setVaddr(8 * PAGE)
                        .setCompatNrPages(3)
                        .setInParent(false));
        assertEquals(
                List.of(
                        new PagemapRun(0, 2, PRESENT, 0),
                        new PagemapRun(4 * PAGE, 1, PARENT, -1),
                        new PagemapRun(8 * PAGE, 3, PRESENT, 2 * PAGE)),
                read().runs());
    }

    static List<Arguments> damages() {
        return List.of(
                damage("run 0 (0x1001, 1 pages) is not page-aligned", entry(0x1001, 1)),
                damage("run 0 (0x1000, 0 pages) has an impossible length", entry(0x1000, 0)),
                damage("has an impossible length", entry(0x1000, -1)),
                damage("has an impossible length", entry(0x1000, 1L << 52)),
                damage(
                        "goes past the end of any address space",
                        entry(Long.MAX_VALUE - PAGE + 1, 1)),
                damage("goes past the end of any address space", entry(-PAGE, 1)),
                damage("goes past the end of any address space", entry(1L << 62, 1L << 50)),
                damage(
                        "run 1 (0x1000, 1 pages) is out of order",
                        entry(0x2000, 1),
                        entry(0x1000, 1)),
                damage(
                        "run 1 (0x2000, 1 pages) is out of order",
                        entry(0x1000, 2),
                        entry(0x2000, 1)),
                damage("has unknown flags 0xc", entry(0x1000, 1).setFlags(PRESENT | 8)),
                damage("is both here and in the parent", entry(0x1000, 1).setInParent(true)),
                damage(
                        "run 1 (0x2000, 2 pages) needs 12288 bytes of pages-3.img, which has 8192",
                        entry(0x1000, 1),
                        entry(0x2000, 2)),
                damage(
                        "is in a parent image, but the directory has no parent link",
                        entry(0x1000, 1).setFlags(PARENT)));
    }

    private static Arguments damage(String expected, pagemap_entry.Builder... entries) {
        return Arguments.of(expected, entries);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("damages")
    void shouldNameFileRunAndOffsetWhenDamaged(String expected, pagemap_entry.Builder[] entries)
            throws IOException {
        write(2, entries);
        ImageFormatException e = assertThrows(ImageFormatException.class, this::read);
        assertTrue(e.what().startsWith("pagemap-7.img at byte "), e.what());
        assertTrue(e.what().contains(expected), e.what());
    }

    @Test
    void shouldSayWhichPagesAreMissing() throws IOException {
        write(1, entry(0x1000, 1));
        Pagemap pagemap = read();
        Files.delete(images.path(ImageType.PAGES, 3));
        assertEquals(
                "pages-3.img: is missing",
                assertThrows(
                                ImageFormatException.class,
                                () -> PagesFile.open(images, pagemap).close())
                        .what());
        assertTrue(
                assertThrows(ImageFormatException.class, this::read)
                        .what()
                        .contains("needs 4096 bytes of pages-3.img, which is missing"));
        Files.write(images.path(ImageType.PAGES, 3), new byte[PAGE - 1]);
        assertTrue(
                assertThrows(
                                ImageFormatException.class,
                                () -> PagesFile.open(images, pagemap).close())
                        .what()
                        .startsWith("pages-3.img at byte 4095: ends here"));
    }

    /** A chain of weeks has more files than a process may have descriptors. */
    @Test
    void shouldReadMorePagesFilesThanStayOpen() throws IOException {
        List<PagesFile> files = new ArrayList<>();
        for (int id = 1; id <= 400; id++) {
            byte[] page = new byte[PAGE];
            Arrays.fill(page, (byte) id);
            Files.write(images.path(ImageType.PAGES, id), page);
            List<PagemapRun> runs = List.of(new PagemapRun(0x1000, 1, PRESENT, 0));
            files.add(PagesFile.open(images, new Pagemap(id, runs)));
        }
        assertEquals(256, OpenFiles.below(directory));
        for (int id = 1; id <= 400; id++) {
            byte[] page = new byte[PAGE];
            files.get(id - 1).read(0, ByteBuffer.wrap(page));
            assertEquals((byte) id, page[PAGE - 1], "pages-" + id + ".img");
        }
        files.forEach(PagesFile::close);
        files.forEach(PagesFile::close); // closed twice, it gives its place back once
        assertEquals(0, OpenFiles.below(directory));
        List<PagemapRun> runs = List.of(new PagemapRun(0x1000, 1, PRESENT, 0));
        try (PagesFile file = PagesFile.open(images, new Pagemap(1, runs))) {
            assertEquals(PAGE, file.sizeBytes());
            assertEquals(1, OpenFiles.below(directory));
        }
    }

    @Test
    void shouldFindTheBytesOfARealDump() {
        ImageDir sample = new ImageDir(SAMPLES.resolve("shared-memory-single"));
        Pagemap pagemap = Pagemap.read(sample, ImageType.SHMEM_PAGEMAP, 52812).orElseThrow();
        assertEquals(List.of(new PagemapRun(0, 32, PRESENT, 0)), pagemap.runs());
        byte[] page = new byte[PAGE];
        byte[] sevens = new byte[PAGE];
        Arrays.fill(sevens, (byte) 7);
        try (PagesFile pages = PagesFile.open(sample, pagemap)) {
            pages.read(31L * PAGE, ByteBuffer.wrap(page));
        }
        assertArrayEquals(sevens, page);
    }

    @Test
    void shouldNoticeThePagesLeftOutOfARealDump() {
        ImageDir sample = new ImageDir(SAMPLES.resolve("many-descriptors"));
        assertTrue(
                assertThrows(
                                ImageFormatException.class,
                                () -> Pagemap.read(sample, ImageType.PAGEMAP, 6993))
                        .what()
                        .contains("which is missing"));
    }
}
