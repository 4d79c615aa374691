package jcriu.store;

import static jcriu.image.PagemapFlags.LAZY;
import static jcriu.image.PagemapFlags.PARENT;
import static jcriu.image.PagemapFlags.PRESENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.DiskSteps;
import jcriu.image.FileRecord;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.Manifest;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.jcriu_checkpoint_kind;
import jcriu.inspect.Verification;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LinkTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final PageTarget TASK = PageTarget.task(7);
    private static final PageTarget OBJECT = PageTarget.object(9);
    private static final int SPACE = 40;

    private Path scratch;

    /** In memory where that can be: hundreds of runs force each file to the disk. */
    @BeforeEach
    void makeDirectory() throws IOException {
        Path memory = Path.of("/dev/shm");
        scratch =
                Files.isWritable(memory)
                        ? Files.createTempDirectory(memory, "link")
                        : Files.createTempDirectory("link");
    }

    @AfterEach
    void removeDirectory() throws IOException {
        try (Stream<Path> all = Files.walk(scratch)) {
            for (Path path : all.sorted(Collections.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    /** Thrown in the place of a step. */
    private static final class CutShort extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** Counts steps, and can be cut short at one. */
    private static final class Disk implements DiskSteps {
        private final int cutAt;
        private int steps;

        Disk(int cutAt) {
            this.cutAt = cutAt;
        }

        @Override
        public void before(Step step) {
            if (++steps == cutAt) {
                throw new CutShort();
            }
        }
    }

    /** A dump, and what each of its targets has by page numbers. */
    private record Dump(ImageDir images, Map<PageTarget, TreeMap<Integer, byte[]>> pages) {}

    /** Contents of which there are few, so that many are the same. */
    private static byte[] content(int kind) {
        byte[] content = new byte[PAGE];
        if (kind > 0) {
            new Random(kind).nextBytes(content);
        }
        return content;
    }

    private Dump dump(Path directory, Random random) throws IOException {
        boolean digests = random.nextInt(3) > 0;
        Map<PageTarget, TreeMap<Integer, byte[]>> targets = new LinkedHashMap<>();
        for (PageTarget target : List.of(TASK, OBJECT)) {
            if (random.nextInt(8) > 0) {
                TreeMap<Integer, byte[]> pages = new TreeMap<>();
                for (int page = 0; page < SPACE; page++) {
                    if (random.nextInt(4) > 0) {
                        pages.put(page, content(random.nextInt(3)));
                    }
                }
                targets.put(target, pages);
            }
        }
        return dump(directory, targets, digests, random.nextInt(4) > 0, random.nextInt());
    }

    /**
     * @param flags says by its bits which pages are lazy
     */
    private Dump dump(
            Path directory,
            Map<PageTarget, TreeMap<Integer, byte[]>> targets,
            boolean digests,
            boolean manifest,
            int flags)
            throws IOException {
        Files.createDirectories(directory);
        ImageDir images = new ImageDir(directory);
        int id = 0;
        for (Map.Entry<PageTarget, TreeMap<Integer, byte[]>> target : targets.entrySet()) {
            id++;
            List<PagemapRun> runs = new ArrayList<>();
            ByteBuffer bytes = ByteBuffer.allocate(target.getValue().size() * PAGE);
            target.getValue()
                    .forEach(
                            (page, content) -> {
                                int lazy = (flags >>> page % 32 & 1) == 0 ? 0 : LAZY;
                                runs.add(new PagemapRun((long) page * PAGE, 1, PRESENT | lazy, -1));
                                bytes.put(content);
                            });
            Files.write(images.path(ImageType.PAGES, id), bytes.array());
            images.record(
                    new FileRecord(
                            ImageType.PAGES.fileName(id),
                            bytes.capacity(),
                            Optional.empty(),
                            digests));
            if (digests) {
                PageDigests all = PageDigests.ofPages(bytes.capacity() / PAGE);
                all.put(0, PageDigests.of(bytes.flip()));
                all.write(images, id);
            }
            new Pagemap(id, runs).write(images, target.getKey().type(), target.getKey().id());
        }
        inventory_entry inventory = inventory_entry.newBuilder().setImgVersion(2).build();
        images.stageInventory(
                inventory,
                manifest
                        ? Optional.of(
                                Manifest.head(UUID.randomUUID(), jcriu_checkpoint_kind.JCRIU_DUMP)
                                        .setPagesNew(1)
                                        .setPagesParent(0)
                                        .build())
                        : Optional.empty());
        images.renameInventory();
        return new Dump(new ImageDir(directory), targets);
    }

    private List<Dump> dumps(Path base, Random random, int count) throws IOException {
        List<Dump> dumps = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            dumps.add(dump(base.resolve("" + i), random));
        }
        return dumps;
    }

    private static Dedup.Report link(List<Dump> dumps, DiskSteps disk, boolean dryRun) {
        return Link.run(dumps.stream().map(Dump::images).toList(), disk, dryRun);
    }

    /** Every page is what it was, and files are what the manifests say. */
    private static void requireWhole(List<Dump> dumps, String where) {
        for (Dump dump : dumps) {
            dump.pages.forEach(
                    (target, pages) -> {
                        try (ChainRead read = ChainRead.open(dump.images, target).orElseThrow()) {
                            assertEquals((long) pages.size() * PAGE, read.runs().bytes(), where);
                            pages.forEach(
                                    (page, content) -> {
                                        byte[] found = new byte[PAGE];
                                        read.read((long) page * PAGE, ByteBuffer.wrap(found));
                                        assertArrayEquals(content, found, where + " page " + page);
                                    });
                        }
                    });
            List<String> lines = new ArrayList<>();
            Verification.Result result = Verification.run(dump.images.directory(), lines::add);
            assertEquals(0, result.faults(), where + lines);
        }
    }

    /** By name, all files and links and their content. */
    private static Map<String, String> snapshot(Path base) throws IOException {
        Map<String, String> all = new TreeMap<>();
        try (Stream<Path> files = Files.walk(base)) {
            for (Path file : files.toList()) {
                String content =
                        Files.isSymbolicLink(file)
                                ? "to " + Files.readSymbolicLink(file)
                                : Files.isDirectory(file)
                                        ? ""
                                        : "" + Arrays.hashCode(Files.readAllBytes(file));
                all.put(base.relativize(file).toString(), content);
            }
        }
        return all;
    }

    /** Pages that a dump has as the one before has them, and all. */
    private static long[] equalAndAll(List<Dump> dumps) {
        long equal = 0;
        long all = 0;
        for (int i = 0; i < dumps.size(); i++) {
            for (Map.Entry<PageTarget, TreeMap<Integer, byte[]>> target :
                    dumps.get(i).pages.entrySet()) {
                all += target.getValue().size();
                Map<Integer, byte[]> before =
                        i == 0
                                ? Map.of()
                                : dumps.get(i - 1)
                                        .pages
                                        .getOrDefault(target.getKey(), new TreeMap<>());
                equal +=
                        target.getValue().entrySet().stream()
                                .filter(p -> Arrays.equals(p.getValue(), before.get(p.getKey())))
                                .count();
            }
        }
        return new long[] {equal, all};
    }

    private static void requireLinked(Path base, List<Dump> dumps, String where)
            throws IOException {
        requireWhole(dumps, where);
        long stored = 0;
        int pagesFiles = 0;
        int pagemaps = 0;
        for (Path file : snapshot(base).keySet().stream().map(base::resolve).toList()) {
            String name = file.getFileName().toString();
            assertFalse(name.endsWith(".tmp") || name.startsWith("jcriu-linking"), where + file);
            if (name.startsWith("pages-")) {
                stored += Files.size(file) / PAGE;
                pagesFiles++;
            }
            pagemaps += name.startsWith("pagemap-") ? 1 : 0;
        }
        long[] expected = equalAndAll(dumps);
        assertEquals(expected[1] - expected[0], stored, where);
        assertTrue(pagesFiles <= pagemaps, where);
        Dump last = dumps.get(dumps.size() - 1);
        Optional<Manifest> manifest = Manifest.read(last.images);
        Optional<ImageDir> parent = last.images.parent();
        if (manifest.isPresent()) {
            assertEquals(
                    parent.flatMap(Manifest::read).map(Manifest::id),
                    manifest.get().parentId(),
                    where);
            for (Path file :
                    snapshot(last.images.directory()).keySet().stream().map(Path::of).toList()) {
                String name = file.toString();
                assertTrue(
                        !name.startsWith("pagemap-")
                                || manifest.get().files().stream()
                                        .anyMatch(f -> f.name().equals(name)),
                        where + ": the manifest lacks " + name);
            }
        }
    }

    @Test
    void shouldStoreEqualPagesOnceAlongTheChain() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 25; round++) {
            String where = "seed " + seed + ", round " + round + " ";
            Path base = scratch.resolve("r" + round);
            List<Dump> dumps = dumps(base, random, 2 + random.nextInt(3));
            Map<String, String> before = snapshot(base);
            Dedup.Report would = link(dumps, new Disk(0), true);
            assertEquals(before, snapshot(base), where);
            Dedup.Report did = link(dumps, new Disk(0), false);
            assertEquals(would, did, where);
            assertEquals(equalAndAll(dumps)[0], did.pages(), where);
            requireLinked(base, dumps, where);
            Map<String, String> after = snapshot(base);
            assertEquals(0, link(dumps, new Disk(0), false).pages(), where);
            assertEquals(after, snapshot(base), where);
        }
    }

    /** At every step; each dump reads as before, and another run does what is left. */
    @Test
    void shouldLeaveEveryDumpWholeWhereverItIsCut() throws IOException {
        long seed = System.nanoTime();
        int cuts = 0;
        // dumps by chance: three rounds mostly, one more where they are small
        for (int round = 0; cuts <= 60 && round < 10; round++) {
            int steps = Integer.MAX_VALUE;
            for (int cut = 1; cut <= steps; cut++) {
                String where = "seed " + seed + ", round " + round + ", cut " + cut + " ";
                Path base = scratch.resolve("c" + round + "-" + cut);
                List<Dump> dumps = dumps(base, new Random(seed + round), 3);
                Disk disk = new Disk(cut);
                try {
                    link(dumps, disk, false);
                    steps = disk.steps;
                } catch (CutShort e) {
                    cuts++;
                    requireWhole(dumps, where);
                    cutAgain(dumps, cut, where);
                }
                link(dumps, new Disk(0), false);
                requireLinked(base, dumps, where);
            }
        }
        assertTrue(cuts > 60, "only " + cuts + " cuts");
    }

    private static void cutAgain(List<Dump> dumps, int cut, String where) {
        try {
            link(dumps, new Disk(1 + cut * 7 % 13), false);
        } catch (CutShort e) {
            requireWhole(dumps, where + "and again ");
        }
    }

    private static TreeMap<Integer, byte[]> pages(int... kinds) {
        TreeMap<Integer, byte[]> pages = new TreeMap<>();
        for (int i = 0; i < kinds.length; i++) {
            pages.put(i, content(kinds[i]));
        }
        return pages;
    }

    private Dump dump(String name, int... kinds) throws IOException {
        return dump(scratch.resolve(name), Map.of(TASK, pages(kinds)), true, true, 0);
    }

    private static JcriuException refused(Path base, Dump... dumps) throws IOException {
        Map<String, String> before = snapshot(base);
        JcriuException refusal =
                assertThrows(JcriuException.class, () -> link(List.of(dumps), new Disk(0), false));
        assertEquals(before, snapshot(base));
        return refusal;
    }

    @Test
    void shouldRefuseAChainInAnotherOrder() throws IOException {
        Dump first = dump("1", 1, 2, 3);
        Dump second = dump("2", 1, 2, 4);
        Dump third = dump("3", 1, 5, 4);
        link(List.of(first, second, third), new Disk(0), false);
        assertTrue(refused(scratch, first, third).what().contains("has another parent already"));
        assertTrue(refused(scratch, second, first).what().contains("is a parent of"));
        assertTrue(refused(scratch, second, second).what().contains("is named twice"));
        assertEquals(0, link(List.of(second, third), new Disk(0), false).pages());
        requireLinked(scratch, List.of(first, second, third), "");
    }

    @Test
    void shouldRefuseWhatIsDamagedAndChangeNothing() throws IOException {
        Dump first = dump("1", 1, 2, 3);
        Dump second = dump("2", 1, 2, 4);
        Path pages = first.images.path(ImageType.PAGES, 1);
        byte[] bytes = Files.readAllBytes(pages);
        bytes[PAGE + 5] ^= 1;
        Files.write(pages, bytes);
        JcriuException refusal = refused(scratch, first, second);
        assertEquals(Kind.IMAGE, refusal.kind());
        assertTrue(refusal.what().contains("at 0x1000 is damaged"), refusal.what());
        Files.write(pages, Arrays.copyOf(bytes, PAGE));
        assertTrue(refused(scratch, first, second).what().contains("pages-1.img"));
        Files.delete(first.images.path(ImageType.INVENTORY));
        assertTrue(refused(scratch, first, second).what().contains("no inventory.img"));
    }

    @Test
    void shouldRefuseADumpWhosePagesHaveLeftIt() throws IOException {
        Dump first = dump("1", 1, 2, 3);
        Dump second = dump("2", 1, 2, 4);
        Runs gone = new Runs();
        gone.add(0, PAGE);
        new Superseded("../x", false, Map.of(TASK, gone)).write(first.images, new Disk(0));
        assertTrue(refused(scratch, first, second).what().contains("have left these images"));
    }

    /** No link, no new manifest. */
    @Test
    void shouldLeaveDumpsOfOtherTreesAsTheyAre() throws IOException {
        Dump first = dump("1", 1, 2, 3);
        Dump second = dump("2", 4, 5, 6);
        Dump third = dump(scratch.resolve("3"), Map.of(OBJECT, pages(4, 5, 6)), true, true, 0);
        Map<String, String> before = snapshot(scratch);
        assertEquals(0, link(List.of(first, second, third), new Disk(0), false).pages());
        assertEquals(before, snapshot(scratch));
    }

    /** A page that its parent has is not read from there and written again. */
    @Test
    void shouldKeepWhatIsTheParentsAlready() throws IOException {
        Dump first = dump("1", 1, 2, 3);
        Dump second = dump("2", 1, 2, 4);
        link(List.of(first, second), new Disk(0), false);
        Pagemap pagemap = Pagemap.read(second.images, TASK.type(), TASK.id()).orElseThrow();
        assertEquals(
                List.of(new PagemapRun(0, 2, PARENT, -1), new PagemapRun(2 * PAGE, 1, PRESENT, 0)),
                pagemap.runs());
        Dump third = dump("3", 1, 2, 4);
        assertEquals(3, link(List.of(first, second, third), new Disk(0), false).pages());
        assertFalse(Files.exists(third.images.path(ImageType.PAGES, 1)));
        requireLinked(scratch, List.of(first, second, third), "");
    }
}
