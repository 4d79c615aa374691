package jcriu.store;

import static jcriu.image.PagemapFlags.LAZY;
import static jcriu.image.PagemapFlags.PARENT;
import static jcriu.image.PagemapFlags.PRESENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.image.DiskSteps;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.proto.inventory_entry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.AnnotatedElementContext;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.io.TempDirFactory;

class DedupTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final PageTarget TASK = PageTarget.task(7);
    private static final PageTarget OBJECT = PageTarget.object(9);
    private static final int SPACE = 40;
    private static final byte[] ZEROS = new byte[PAGE];

    @TempDir(factory = InMemory.class)
    Path scratch;

    /** Hundreds of runs that sync each file: nobody asks here what a disk does. */
    static final class InMemory implements TempDirFactory {
        @Override
        public Path createTempDirectory(AnnotatedElementContext element, ExtensionContext context)
                throws IOException {
            Path memory = Path.of("/dev/shm");
            return Files.isWritable(memory)
                    ? Files.createTempDirectory(memory, "dedup")
                    : Files.createTempDirectory("dedup");
        }
    }

    /** Thrown in the place of a step. */
    private static final class CutShort extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** Fills with zeros what would become a hole, and can be cut short. */
    private static final class Disk implements HolePunch {
        private final int cutAt;
        private final List<Step> steps = new ArrayList<>();
        private boolean supported = true;

        Disk(int cutAt) {
            this.cutAt = cutAt;
        }

        @Override
        public void before(Step step) {
            steps.add(step);
            if (steps.size() == cutAt) {
                throw new CutShort();
            }
        }

        @Override
        public boolean supported(Path pages) {
            return supported;
        }

        @Override
        public Runs data(Path pages, Runs offsets) {
            return NonZeroPages.in(read(pages), offsets);
        }

        @Override
        public void punch(Path pages, Runs offsets) {
            try (FileChannel file = FileChannel.open(pages, StandardOpenOption.WRITE)) {
                for (int i = 0; i < offsets.size(); i++) {
                    for (long at = offsets.start(i); at < offsets.end(i); at += PAGE) {
                        file.write(ByteBuffer.wrap(ZEROS), at);
                    }
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private static byte[] read(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The pages of one target in one checkpoint. */
    private static final class Pages {
        final List<PagemapRun> runs = new ArrayList<>();
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final TreeMap<Integer, byte[]> model = new TreeMap<>();

        Pages fresh(Random random, int page, int flags) {
            byte[] content = new byte[PAGE];
            random.nextBytes(content);
            model.put(page, content);
            bytes.writeBytes(content);
            return run(page, flags);
        }

        Pages run(int page, int flags) {
            runs.add(new PagemapRun((long) page * PAGE, 1, flags, -1));
            return this;
        }
    }

    private ImageDir set(Path directory, String parent, Map<PageTarget, Pages> targets)
            throws IOException {
        return set(directory, parent, targets, false);
    }

    private ImageDir set(
            Path directory, String parent, Map<PageTarget, Pages> targets, boolean preDump)
            throws IOException {
        Files.createDirectories(directory);
        ImageDir images = new ImageDir(directory);
        if (parent != null) {
            Files.createSymbolicLink(directory.resolve("parent"), Path.of("..", parent));
        }
        int id = 0;
        for (Map.Entry<PageTarget, Pages> target : targets.entrySet()) {
            Pages pages = target.getValue();
            id++;
            Files.write(images.path(ImageType.PAGES, id), pages.bytes.toByteArray());
            new Pagemap(id, pages.runs).write(images, target.getKey().type(), target.getKey().id());
        }
        inventory_entry.Builder inventory = inventory_entry.newBuilder().setImgVersion(2);
        if (preDump) {
            inventory.setPreDumpMode(1);
        }
        images.complete(inventory.build());
        return images;
    }

    private record Checkpoint(ImageDir images, Map<PageTarget, Pages> targets) {}

    /** Dumps on dumps, each in a directory with its number. */
    private List<Checkpoint> chain(Path base, Random random, int length) throws IOException {
        return chain(base, random, length, 0);
    }

    /**
     * @param preDumps of them the bit n is set for number n
     */
    private List<Checkpoint> chain(Path base, Random random, int length, int preDumps)
            throws IOException {
        List<Checkpoint> chain = new ArrayList<>();
        for (int i = 0; i < length; i++) {
            Map<PageTarget, Pages> targets = new LinkedHashMap<>();
            for (PageTarget target : List.of(TASK, OBJECT)) {
                Pages pages = new Pages();
                TreeMap<Integer, byte[]> before =
                        i == 0 ? new TreeMap<>() : chain.get(i - 1).targets.get(target).model;
                for (int page = 0; page < SPACE; page++) {
                    switch (random.nextInt(5)) {
                        case 0 -> pages.fresh(random, page, PRESENT);
                        case 1 -> pages.fresh(random, page, PRESENT | LAZY);
                        case 2, 3 -> {
                            if (before.containsKey(page)) {
                                pages.model.put(page, before.get(page));
                                pages.run(page, PARENT);
                            }
                        }
                        default -> {}
                    }
                }
                targets.put(target, pages);
            }
            ImageDir images =
                    set(
                            base.resolve("" + i),
                            i == 0 ? null : "" + (i - 1),
                            targets,
                            (preDumps & 1 << i) != 0);
            chain.add(new Checkpoint(images, targets));
        }
        return chain;
    }

    private static void requireWhole(Checkpoint checkpoint, String where) {
        checkpoint.targets.forEach(
                (target, pages) -> {
                    try (ChainRead read = ChainRead.open(checkpoint.images, target).orElseThrow()) {
                        assertEquals((long) pages.model.size() * PAGE, read.runs().bytes(), where);
                        pages.model.forEach(
                                (page, content) -> {
                                    byte[] found = new byte[PAGE];
                                    read.read((long) page * PAGE, ByteBuffer.wrap(found));
                                    assertArrayEquals(content, found, where + ", page " + page);
                                });
                    }
                });
    }

    /** Never zeros: right, or refused with the name of the checkpoint that can be restored. */
    private static boolean isWholeOrRefused(Checkpoint checkpoint, String where) {
        try {
            requireWhole(checkpoint, where);
            return true;
        } catch (ImageFormatException e) {
            assertTrue(
                    e.what().contains("dedup left them to the later checkpoint")
                            || e.what().contains("a restore with --auto-dedup took them"),
                    e.what());
            return false;
        }
    }

    private static long holes(List<Checkpoint> chain) throws IOException {
        long holes = 0;
        for (Checkpoint checkpoint : chain) {
            try (Stream<Path> files = Files.list(checkpoint.images.directory())) {
                for (Path file : files.toList()) {
                    if (file.getFileName().toString().startsWith("pages-")) {
                        byte[] all = read(file);
                        for (int at = 0; at < all.length; at += PAGE) {
                            holes +=
                                    ByteBuffer.wrap(all, at, PAGE).equals(ByteBuffer.wrap(ZEROS))
                                            ? 1
                                            : 0;
                        }
                    }
                }
            }
        }
        return holes;
    }

    /** Of a pages file, which of its pages checkpoints need. */
    private static void addNeeded(Checkpoint tip, Set<String> needed) {
        tip.targets.forEach(
                (target, pages) ->
                        pages.model.forEach(
                                (page, content) ->
                                        needed.add(java.util.Arrays.hashCode(content) + "")));
    }

    private static ImageDir newest(List<Checkpoint> chain) {
        return chain.get(chain.size() - 1).images;
    }

    @Test
    void shouldKeepOneCopyOfWhatTheNewestNeeds() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 30; round++) {
            String where = "seed " + seed + ", round " + round;
            List<Checkpoint> chain =
                    chain(scratch.resolve("r" + round), random, 1 + random.nextInt(5));
            long stored = 0;
            long needed = 0;
            for (Checkpoint checkpoint : chain) {
                for (Pages pages : checkpoint.targets.values()) {
                    stored += pages.bytes.size() / PAGE;
                }
            }
            for (Pages pages : chain.get(chain.size() - 1).targets.values()) {
                needed += pages.model.size();
            }
            Dedup.Report would = Dedup.run(newest(chain), new Disk(0), true);
            assertEquals(0, holes(chain), where);
            Dedup.Report did = Dedup.run(newest(chain), new Disk(0), false);
            assertEquals(would, did, where);
            assertEquals(stored - needed, did.pages(), where);
            assertEquals(stored - needed, holes(chain), where);
            requireWhole(chain.get(chain.size() - 1), where);
            for (Checkpoint checkpoint : chain) {
                isWholeOrRefused(checkpoint, where);
            }
            Disk again = new Disk(0);
            assertEquals(0, Dedup.run(newest(chain), again, false).pages(), where);
            assertFalse(again.steps.contains(DiskSteps.Step.WRITE), where);
            assertFalse(again.steps.contains(DiskSteps.Step.PUNCH), where);
        }
    }

    /** At every step of every kind; then it is run again. */
    @Test
    void shouldLeaveTheChainWholeWhereverItIsCut() throws IOException {
        long seed = System.nanoTime();
        int cuts = 0;
        for (int round = 0; round < 12; round++) {
            long steps = Long.MAX_VALUE;
            for (int cut = 1; cut <= steps; cut++) {
                Random random = new Random(seed + round); // the same chain each time
                String where = "seed " + seed + ", round " + round + ", cut " + cut;
                List<Checkpoint> chain = chain(scratch.resolve("c" + round + "-" + cut), random, 3);
                Disk disk = new Disk(cut);
                try {
                    Dedup.run(newest(chain), disk, false);
                    steps = disk.steps.size();
                } catch (CutShort e) {
                    cuts++;
                    requireOrder(disk.steps, where);
                }
                requireWhole(chain.get(2), where);
                for (Checkpoint checkpoint : chain) {
                    isWholeOrRefused(checkpoint, where);
                }
                Dedup.run(newest(chain), new Disk(0), false);
                requireWhole(chain.get(2), where);
                assertEquals(0, Dedup.run(newest(chain), new Disk(0), true).pages(), where);
            }
        }
        assertTrue(cuts > 100, "only " + cuts + " cuts");
    }

    /** All records are on the disk, file and name, before the first page goes. */
    private static void requireOrder(List<DiskSteps.Step> steps, String where) {
        int punch = steps.indexOf(DiskSteps.Step.PUNCH);
        if (punch >= 0) {
            assertEquals(DiskSteps.Step.SYNC, steps.get(punch - 1), where);
            assertFalse(
                    steps.subList(punch, steps.size()).stream()
                            .anyMatch(step -> step != DiskSteps.Step.PUNCH),
                    where + steps);
        }
        assertEquals(DiskSteps.Step.SYNC, steps.get(0), where);
    }

    /** A restore uses up what no other checkpoint needs: an older dump, or a branch. */
    @Test
    void shouldTakeARestoredCheckpointOutWhereverItIsCut() throws IOException {
        long seed = System.nanoTime();
        int cuts = 0;
        for (int round : new int[] {0, 2, 3, 7, 8, 13, 15}) {
            boolean whole = false;
            for (int cut = 1; !whole; cut++) {
                Random random = new Random(seed + round);
                String where = "seed " + seed + ", round " + round + ", cut " + cut;
                Path base = scratch.resolve("u" + round + "-" + cut);
                List<Checkpoint> chain = chain(base, random, 4, round & 7);
                List<Checkpoint> others = new ArrayList<>();
                for (int i = 0; i < 3; i++) {
                    if ((round & 1 << i) == 0) {
                        others.add(chain.get(i));
                    }
                }
                List<Checkpoint> all = new ArrayList<>(chain);
                if (round >= 8) { // somebody went on from the one that is restored
                    Map<PageTarget, Pages> targets = new LinkedHashMap<>();
                    chain.get(3).targets.forEach((t, pages) -> targets.put(t, halfOf(pages)));
                    all.add(new Checkpoint(set(base.resolve("b"), "3", targets), targets));
                    others.add(all.get(4));
                }
                long stored = 0;
                for (Checkpoint checkpoint : all) {
                    for (Pages pages : checkpoint.targets.values()) {
                        stored += pages.bytes.size() / PAGE;
                    }
                }
                Set<String> needed = new HashSet<>();
                others.forEach(other -> addNeeded(other, needed));
                Disk disk = new Disk(cut);
                try {
                    Dedup.consume(newest(chain), disk);
                    whole = true;
                } catch (CutShort e) {
                    cuts++;
                }
                others.forEach(other -> requireWhole(other, where));
                all.forEach(checkpoint -> isWholeOrRefused(checkpoint, where));
                Dedup.consume(newest(chain), new Disk(0));
                others.forEach(other -> requireWhole(other, where));
                assertEquals(stored - needed.size(), holes(all), where);
                if (!others.contains(all.get(4 % all.size()))) {
                    assertFalse(isWholeOrRefused(chain.get(3), where), where);
                }
                assertEquals(0, Dedup.consume(newest(chain), new Disk(0)).pages(), where);
            }
        }
        assertTrue(cuts > 100, "only " + cuts + " cuts");
    }

    /** Every other page that is there, left to the parent. */
    private static Pages halfOf(Pages parent) {
        Pages half = new Pages();
        parent.model.forEach(
                (page, content) -> {
                    if (page % 2 == 0) {
                        half.model.put(page, content);
                        half.run(page, PARENT);
                    }
                });
        return half;
    }

    @Test
    void shouldNameTheRestoreThatTookThePages() throws IOException {
        Random random = new Random(1);
        Pages pages = new Pages().fresh(random, 0, PRESENT);
        set(scratch.resolve("1"), null, Map.of(TASK, pages), true);
        ImageDir images = set(scratch.resolve("2"), "1", Map.of(TASK, halfOf(pages)));
        assertEquals(1, Dedup.consume(images, new Disk(0)).pages());
        JcriuException refused =
                assertThrows(JcriuException.class, () -> ChainRead.open(images, TASK));
        assertTrue(refused.what().contains("a restore with --auto-dedup took"), refused.what());
        assertTrue(refused.what().endsWith("of ../2"), refused.what());
    }

    /** What a page server was to bring is nowhere else. */
    @Test
    void shouldKeepWhatIsLeftToAPageServer() throws IOException {
        Random random = new Random(1);
        Pages old = new Pages().fresh(random, 1, PRESENT).fresh(random, 2, PRESENT);
        Pages middle = new Pages().run(1, PARENT).fresh(random, 2, PRESENT);
        Pages lazy = new Pages().run(1, LAZY).fresh(random, 2, PRESENT);
        ImageDir first = set(scratch.resolve("1"), null, Map.of(TASK, old));
        set(scratch.resolve("2"), "1", Map.of(TASK, middle));
        ImageDir newest = set(scratch.resolve("3"), "2", Map.of(TASK, lazy));
        assertEquals(2, Dedup.run(newest, new Disk(0), false).pages());
        byte[] kept = read(first.path(ImageType.PAGES, 1));
        assertArrayEquals(old.model.get(1), java.util.Arrays.copyOf(kept, PAGE));
        assertTrue(ByteBuffer.wrap(kept, PAGE, PAGE).equals(ByteBuffer.wrap(ZEROS)));
    }

    @Test
    void shouldKeepWhatAnotherBranchNeeds() throws IOException {
        Random random = new Random(1);
        Pages trunk = new Pages();
        for (int page = 0; page < 4; page++) {
            trunk.fresh(random, page, PRESENT);
        }
        set(scratch.resolve("trunk"), null, Map.of(TASK, trunk));
        Pages branch = new Pages().run(0, PARENT).fresh(random, 1, PRESENT);
        branch.model.put(0, trunk.model.get(0));
        Checkpoint other =
                new Checkpoint(
                        set(scratch.resolve("a"), "trunk", Map.of(TASK, branch)),
                        Map.of(TASK, branch));
        Pages leaf = new Pages().run(0, PARENT).run(1, PARENT);
        leaf.model.putAll(branch.model);
        Checkpoint otherLeaf =
                new Checkpoint(
                        set(scratch.resolve("b"), "a", Map.of(TASK, leaf)), Map.of(TASK, leaf));
        Pages mine = new Pages();
        for (int page = 0; page < 4; page++) {
            mine.fresh(random, page, PRESENT);
        }
        ImageDir newest = set(scratch.resolve("c"), "trunk", Map.of(TASK, mine));
        assertEquals(3, Dedup.run(newest, new Disk(0), false).pages());
        requireWhole(other, "a");
        requireWhole(otherLeaf, "b");
    }

    /** Nothing leaves the second; what it needs of the first does. */
    @Test
    void shouldRecordWhoNeedsWhatHasGone() throws IOException {
        Random random = new Random(1);
        Pages first = new Pages().fresh(random, 0, PRESENT).fresh(random, 1, PRESENT);
        Pages second = new Pages().run(0, PARENT);
        Pages third = new Pages().fresh(random, 0, PRESENT);
        set(scratch.resolve("1"), null, Map.of(TASK, first));
        ImageDir middle = set(scratch.resolve("2"), "1", Map.of(TASK, second));
        assertTrue(Superseded.read(middle).isEmpty());
        ImageDir newest = set(scratch.resolve("3"), "2", Map.of(TASK, third));
        Dedup.run(newest, new Disk(0), false);
        assertEquals("../3", Superseded.read(middle).orElseThrow().by());
        assertTrue(Superseded.read(newest).isEmpty());
    }

    /** A pre-dump cannot be restored: it does not replace what can be. */
    @Test
    void shouldKeepTheNewestDumpUnderAPreDump() throws IOException {
        Random random = new Random(1);
        Pages first = new Pages().fresh(random, 0, PRESENT).fresh(random, 1, PRESENT);
        Pages second = new Pages().fresh(random, 0, PRESENT).run(1, PARENT);
        second.model.put(1, first.model.get(1));
        Pages pre = new Pages().fresh(random, 0, PRESENT).fresh(random, 1, PRESENT);
        set(scratch.resolve("1"), null, Map.of(TASK, first));
        Checkpoint dump =
                new Checkpoint(
                        set(scratch.resolve("2"), "1", Map.of(TASK, second)), Map.of(TASK, second));
        ImageDir newest = set(scratch.resolve("3"), "2", Map.of(TASK, pre), true);
        assertEquals(1, Dedup.run(newest, new Disk(0), false).pages());
        requireWhole(dump, "2");
    }

    @Test
    void shouldRefuseToBeginAtWhatIsSuperseded() throws IOException {
        Random random = new Random(1);
        set(scratch.resolve("1"), null, Map.of(TASK, new Pages().fresh(random, 0, PRESENT)));
        Pages pages = new Pages().fresh(random, 0, PRESENT);
        Dedup.run(set(scratch.resolve("2"), "1", Map.of(TASK, pages)), new Disk(0), false);
        ImageDir old = new ImageDir(scratch.resolve("1"));
        JcriuException refused =
                assertThrows(JcriuException.class, () -> Dedup.run(old, new Disk(0), false));
        assertTrue(refused.what().contains("later checkpoint ../2"), refused.what());
        refused = assertThrows(JcriuException.class, () -> ChainRead.open(old, TASK));
        assertTrue(refused.what().contains("later checkpoint ../2"), refused.what());
    }

    /** A copy of the directory made of hard links has the same pages file. */
    @Test
    void shouldLeaveFilesThatHaveAnotherName() throws IOException {
        Random random = new Random(1);
        Pages pages = new Pages().fresh(random, 0, PRESENT);
        ImageDir old = set(scratch.resolve("1"), null, Map.of(TASK, pages));
        Files.createLink(scratch.resolve("copy"), old.path(ImageType.PAGES, 1));
        Pages replaced = new Pages().fresh(random, 0, PRESENT);
        ImageDir newest = set(scratch.resolve("2"), "1", Map.of(TASK, replaced));
        Dedup.Report report = Dedup.run(newest, new Disk(0), false);
        assertEquals(0, report.pages());
        assertTrue(report.notes().get(0).contains("more than one name"), "" + report.notes());
        requireWhole(new Checkpoint(old, Map.of(TASK, pages)), "1");
    }

    @Test
    void shouldSayOnceThatAFileSystemCannotPunch() throws IOException {
        Random random = new Random(1);
        Pages pages = new Pages().fresh(random, 0, PRESENT);
        Pages object = new Pages().fresh(random, 0, PRESENT);
        ImageDir old = set(scratch.resolve("1"), null, Map.of(TASK, pages, OBJECT, object));
        ImageDir newest =
                set(scratch.resolve("2"), "1", Map.of(TASK, new Pages().fresh(random, 0, PRESENT)));
        Disk disk = new Disk(0);
        disk.supported = false;
        Dedup.Report report = Dedup.run(newest, disk, false);
        assertEquals(1, report.notes().size());
        assertTrue(report.notes().get(0).contains("cannot give back"), "" + report.notes());
        assertEquals(List.of(), disk.steps);
        requireWhole(new Checkpoint(old, Map.of(TASK, pages, OBJECT, object)), "1");
    }

    @Test
    void shouldRefuseAChainThatIsDamagedAndChangeNothing() throws IOException {
        Random random = new Random(1);
        Pages pages = new Pages().fresh(random, 0, PRESENT);
        set(scratch.resolve("1"), null, Map.of(TASK, pages));
        Pages lacking = new Pages().fresh(random, 0, PRESENT).run(3, PARENT);
        ImageDir newest = set(scratch.resolve("2"), "1", Map.of(TASK, lacking));
        Disk disk = new Disk(0);
        JcriuException refused =
                assertThrows(JcriuException.class, () -> Dedup.run(newest, disk, false));
        assertTrue(refused.what().contains("0x3000"), refused.what());
        assertEquals(List.of(), disk.steps);
    }
}
