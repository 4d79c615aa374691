package jcriu.inspect;

import static jcriu.image.PagemapFlags.PARENT;
import static jcriu.image.PagemapFlags.PRESENT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import jcriu.image.FileRecord;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.Manifest;
import jcriu.image.VmaStatus;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.jcriu_checkpoint_kind;
import jcriu.image.proto.jcriu_manifest;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.store.PageDigests;
import jcriu.store.PageTarget;
import jcriu.store.Pagemap;
import jcriu.store.PagemapRun;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Chains that are whole, and damaged in each way that there is. */
class InspectTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final long HEAP = 0x10000;
    private static final PageTarget TARGET = PageTarget.task(7);

    @TempDir Path scratch;

    /** What the last verification said. */
    private final List<String> lines = new ArrayList<>();

    /** A pre-dump of 100 pages, a dump that has 10 of them anew, a dump that has one. */
    @BeforeEach
    void makeChain() throws IOException {
        UUID first = checkpoint("1", null, null, 0, 100);
        UUID second = checkpoint("2", "1", first, 90, 10);
        checkpoint("3", "2", second, 99, 1);
    }

    /** The first pages are the parent's, the others random. */
    private UUID checkpoint(String name, String parent, UUID parentId, int inParent, int here)
            throws IOException {
        UUID id = UUID.randomUUID();
        ImageDir images = new ImageDir(Files.createDirectory(scratch.resolve(name)));
        if (parent != null) {
            images.linkParent(Path.of("..", parent));
        }
        byte[] pages = new byte[here * PAGE];
        new Random(here).nextBytes(pages);
        Files.write(images.path(ImageType.PAGES, 1), pages);
        images.record(new FileRecord("pages-1.img", pages.length, Optional.empty(), true));
        PageDigests digests = PageDigests.ofPages(here);
        digests.put(0, PageDigests.of(ByteBuffer.wrap(pages)));
        digests.write(images, 1);
        List<PagemapRun> runs = new ArrayList<>();
        if (inParent > 0) {
            runs.add(new PagemapRun(HEAP, inParent, PARENT, -1));
        }
        runs.add(new PagemapRun(HEAP + (long) inParent * PAGE, here, PRESENT, -1));
        new Pagemap(1, runs).write(images, TARGET.type(), TARGET.id());
        boolean dump = parent != null;
        if (dump) {
            try (ImageWriter out = images.writer(ImageType.MM, TARGET.id())) {
                out.write(mappings());
            }
        }
        inventory_entry.Builder inventory = inventory_entry.newBuilder().setImgVersion(2);
        jcriu_manifest.Builder head =
                Manifest.head(
                                id,
                                dump
                                        ? jcriu_checkpoint_kind.JCRIU_DUMP
                                        : jcriu_checkpoint_kind.JCRIU_PRE_DUMP)
                        .setCreatedMs(1_700_000_000_000L + 60_000 * Integer.parseInt(name))
                        .setPagesNew(here)
                        .setPagesParent(inParent);
        if (parentId != null) {
            head.setParentId(Manifest.bytes(parentId)).setTracker("digest");
        }
        images.stageInventory(
                (dump ? inventory : inventory.setPreDumpMode(2)).build(),
                Optional.of(head.build()));
        images.renameInventory();
        return id;
    }

    private static mm_entry mappings() {
        return mm_entry.newBuilder()
                .setMmStartCode(0)
                .setMmEndCode(0)
                .setMmStartData(0)
                .setMmEndData(0)
                .setMmStartStack(0)
                .setMmStartBrk(0)
                .setMmBrk(0)
                .setMmArgStart(0)
                .setMmArgEnd(0)
                .setMmEnvStart(0)
                .setMmEnvEnd(0)
                .setExeFileId(1)
                .addVmas(vma(HEAP, 50, VmaStatus.HEAP))
                .addVmas(vma(HEAP + 50 * PAGE, 50, VmaStatus.STACK))
                .build();
    }

    private static vma_entry vma(long start, int pages, int status) {
        return vma_entry
                .newBuilder()
                .setStart(start)
                .setEnd(start + (long) pages * PAGE)
                .setPgoff(0)
                .setShmid(0)
                .setProt(3)
                .setFlags(2)
                .setStatus(status)
                .setFd(-1)
                .build();
    }

    private long faults(String name) {
        lines.clear();
        return Verification.run(scratch.resolve(name), lines::add).faults();
    }

    private String whyNot(String name) {
        return Chain.read(new ImageDir(scratch.resolve(name)), new HashMap<>())
                .whyNotRestorable()
                .orElse("it can");
    }

    private void flip(String file, long at) throws IOException {
        try (var bytes =
                Files.newByteChannel(
                        scratch.resolve(file), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer one = ByteBuffer.allocate(1);
            bytes.position(at).read(one);
            one.put(0, (byte) (one.get(0) ^ 4));
            bytes.position(at).write(one.flip());
        }
    }

    private String only() {
        List<String> bad = lines.stream().filter(line -> line.startsWith("damaged")).toList();
        assertEquals(1, bad.size(), "" + lines);
        return bad.get(0);
    }

    @Test
    void shouldFindNothingInAWholeChain() {
        assertEquals(0, faults("3"));
        assertEquals(3, lines.size(), "" + lines);
        assertTrue(lines.stream().allMatch(line -> line.startsWith("ok ")), "" + lines);
        assertEquals("it can", whyNot("3"));
        assertEquals("it can", whyNot("2"));
        assertEquals("a pre-dump: memory only", whyNot("1"));
    }

    @Test
    void shouldNameADamagedPage() throws IOException {
        flip("1/pages-1.img", 60 * PAGE + 5);
        assertEquals(1, faults("3"));
        assertTrue(
                only().endsWith(
                                "1: pages-1.img at byte 245760: the page at 0x4c000, of task 7,"
                                        + " stack 0x42000-0x74000"),
                only());
        assertTrue(only().contains(scratch.resolve("1").toString()), only());
        assertEquals(2, lines.stream().filter(line -> line.startsWith("ok ")).count());
    }

    @Test
    void shouldNameDamagedPagesThatStandTogetherOnce() throws IOException {
        for (int page = 47; page < 53; page++) {
            flip("1/pages-1.img", page * PAGE);
        }
        assertEquals(2, faults("3"));
        assertTrue(
                lines.get(2).endsWith("3 pages from 0x3f000 on, of task 7, heap 0x10000-0x42000"),
                "" + lines);
        assertTrue(
                lines.get(3)
                        .endsWith(
                                "at byte 204800: 3 pages from 0x42000 on, of task 7, stack 0x42000-0x74000"),
                "" + lines);
    }

    @Test
    void shouldNameADamagedFile() throws IOException {
        for (String file : List.of("mm-7.img", "jcriu-digests-1.img")) {
            flip("2/" + file, 11);
            assertEquals(1, faults("3"), file);
            assertTrue(only().endsWith(file + " is not what was dumped"), only());
            flip("2/" + file, 11);
        }
        flip("2/inventory.img", 9);
        assertEquals(2, faults("3"), "itself, and for its child");
        assertTrue(lines.get(0).contains("image version 6 is not known"), "" + lines);
        flip("2/inventory.img", 9);
        flip("2/jcriu-manifest.img", 30);
        faults("3");
        assertTrue(only().contains("jcriu-manifest.img"), only());
        assertTrue(whyNot("3").contains("jcriu-manifest.img"), whyNot("3"));
    }

    @Test
    void shouldNameWhatIsMissing() throws IOException {
        Path pages = scratch.resolve("1/pages-1.img");
        byte[] content = Files.readAllBytes(pages);
        Files.write(pages, java.util.Arrays.copyOf(content, content.length - PAGE));
        assertTrue(faults("3") > 0);
        assertTrue(whyNot("3").contains("pages-1.img"), whyNot("3"));
        Files.write(pages, content);
        Files.delete(scratch.resolve("2/mm-7.img"));
        assertTrue(faults("3") > 0);
        assertEquals("mm-7.img is missing", whyNot("2"));
        assertTrue(whyNot("3").endsWith("2: mm-7.img is missing"), whyNot("3"));
        Files.delete(scratch.resolve("1/inventory.img"));
        assertTrue(faults("3") > 0);
        assertTrue(whyNot("1").contains("no inventory.img"), whyNot("1"));
        assertTrue(whyNot("3").contains("no inventory.img"), whyNot("3"));
    }

    /** The same names, the same sizes, another program's memory. */
    @Test
    void shouldNoticeAParentThatIsAnother() throws IOException {
        Path first = scratch.resolve("1");
        Files.move(first, scratch.resolve("away"));
        checkpoint("1", null, null, 0, 100);
        assertEquals(1, faults("3"));
        assertTrue(only().contains("is not the checkpoint that it was made on"), only());
        assertTrue(whyNot("2").contains("is not the checkpoint"), whyNot("2"));
    }

    @Test
    void shouldNoticeACircle() throws IOException {
        Files.createSymbolicLink(scratch.resolve("1/parent"), Path.of("../3"));
        assertTrue(faults("3") > 0);
        assertTrue(lines.stream().anyMatch(line -> line.contains("lead back")), "" + lines);
        assertTrue(whyNot("3").contains("lead back"), whyNot("3"));
    }

    @Test
    void shouldSayHowLittleItKnowsOfOlderImages() throws IOException {
        Files.delete(scratch.resolve("1/jcriu-manifest.img"));
        Files.delete(scratch.resolve("1/jcriu-digests-1.img"));
        assertEquals(1, faults("2"), "no id any more");
        Files.delete(scratch.resolve("2/jcriu-manifest.img"));
        assertEquals(0, faults("2"));
        assertTrue(lines.get(1).startsWith("unsure "), "" + lines);
        flip("2/mm-7.img", 1);
        assertEquals(1, faults("2"));
        assertTrue(only().contains("magic number"), only());
    }

    @Test
    void shouldListADirectoryOfCheckpointsOldestFirst() throws IOException {
        Files.createDirectory(scratch.resolve("other"));
        List<Listing.Row> rows = Listing.of(List.of(scratch));
        assertEquals(
                List.of("1", "2", "3"),
                rows.stream()
                        .map(row -> row.checkpoint().directory().getFileName().toString())
                        .toList());
        assertEquals(10, rows.get(1).checkpoint().pagesNew());
        assertEquals(90, rows.get(1).checkpoint().pagesParent());
        assertFalse(rows.get(1).whyNot().isPresent());
        assertEquals("pre-dump", rows.get(0).checkpoint().kind());
        assertEquals(Optional.of("digest"), rows.get(2).checkpoint().tracker());
    }
}
