package jcriu.store;

import static jcriu.image.PagemapFlags.LAZY;
import static jcriu.image.PagemapFlags.PARENT;
import static jcriu.image.PagemapFlags.PRESENT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.proto.inventory_entry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChainReadTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final PageTarget TARGET = PageTarget.task(7);
    private static final int SPACE = 100;

    @TempDir Path scratch;

    /** A directory whose parent is another, or none, that has these runs; present pages random. */
    private ImageDir set(String name, String parent, List<PagemapRun> runs, byte[] pages) {
        try {
            Path directory = Files.createDirectory(scratch.resolve(name));
            ImageDir images = new ImageDir(directory);
            if (parent != null) {
                Files.createSymbolicLink(directory.resolve("parent"), Path.of("..", parent));
            }
            Files.write(images.path(ImageType.PAGES, 1), pages);
            new Pagemap(1, runs).write(images, TARGET.type(), TARGET.id());
            images.complete(inventory_entry.newBuilder().setImgVersion(2).build());
            return images;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static PagemapRun run(int page, int count, int flags) {
        return new PagemapRun((long) page * PAGE, count, flags, -1);
    }

    private static ChainRead open(ImageDir images) {
        return ChainRead.open(images, TARGET).orElseThrow();
    }

    private static String refusal(ImageDir images) {
        return assertThrows(JcriuException.class, () -> open(images).close()).what();
    }

    /** Chains of random length, in which each page is new, the parent's, gone, or never there. */
    @Test
    void shouldFindEachPageWhereAPlainModelHasIt() throws IOException {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        for (int round = 0; round < 60; round++) {
            TreeMap<Integer, byte[]> model = new TreeMap<>();
            String parent = null;
            ImageDir images = null;
            int length = 1 + random.nextInt(6);
            for (int i = 0; i < length; i++) {
                TreeMap<Integer, byte[]> next = new TreeMap<>();
                List<PagemapRun> runs = new ArrayList<>();
                ByteArrayOutputStream pages = new ByteArrayOutputStream();
                for (int page = 0; page < SPACE; page++) {
                    switch (random.nextInt(4)) {
                        case 0 -> {
                            byte[] content = new byte[PAGE];
                            random.nextBytes(content);
                            next.put(page, content);
                            pages.write(content);
                            runs.add(run(page, 1, random.nextBoolean() ? PRESENT : PRESENT | LAZY));
                        }
                        case 1, 2 -> {
                            if (model.containsKey(page)) {
                                next.put(page, model.get(page));
                                runs.add(run(page, 1, PARENT));
                            }
                        }
                        default -> {}
                    }
                }
                String name = "r" + round + "-" + i;
                images = set(name, parent, runs, pages.toByteArray());
                parent = name;
                model = next;
            }
            check(images, model, random, "seed " + seed + ", round " + round);
        }
    }

    /** The kernel follows 40 links in a path at most. */
    @Test
    void shouldFollowALongChain() {
        ImageDir images = set("0", null, List.of(run(0, 1, PRESENT)), new byte[PAGE]);
        for (int i = 1; i < 100; i++) {
            images = set("" + i, "" + (i - 1), List.of(run(0, 1, PARENT)), new byte[0]);
        }
        try (ChainRead chain = open(images)) {
            assertEquals(PAGE, chain.runs().bytes());
        }
    }

    private static void check(
            ImageDir images, TreeMap<Integer, byte[]> model, Random random, String where) {
        try (ChainRead chain = open(images)) {
            Runs expected = new Runs();
            for (int page : model.keySet()) {
                expected.add((long) page * PAGE, (page + 1L) * PAGE);
            }
            assertEquals(expected.size(), chain.runs().size(), where);
            assertEquals(expected.bytes(), chain.runs().and(expected).bytes(), where);
            for (Map.Entry<Integer, byte[]> page : model.entrySet()) {
                byte[] content = new byte[PAGE];
                chain.read((long) page.getKey() * PAGE, ByteBuffer.wrap(content));
                assertArrayEquals(page.getValue(), content, where + ", page " + page.getKey());
            }
            for (int i = 0; i < expected.size(); i++) { // many at once, over layers
                long from = expected.start(i);
                int pages = (int) ((expected.end(i) - from) / PAGE);
                int first = random.nextInt(pages);
                byte[] content = new byte[(pages - first) * PAGE];
                chain.read(from + (long) first * PAGE, ByteBuffer.wrap(content));
                for (int p = first; p < pages; p++) {
                    byte[] one = new byte[PAGE];
                    System.arraycopy(content, (p - first) * PAGE, one, 0, PAGE);
                    assertArrayEquals(model.get((int) (from / PAGE) + p), one, where);
                }
            }
        }
    }

    @Test
    void shouldHaveNothingWithoutAPagemap() throws IOException {
        ImageDir images = set("a", null, List.of(), new byte[0]);
        assertTrue(ChainRead.open(images, PageTarget.task(8)).isEmpty());
    }

    @Test
    void shouldNameAPageThatNoParentHas() {
        set("a", null, List.of(run(1, 2, PRESENT)), new byte[2 * PAGE]);
        ImageDir b = set("b", "a", List.of(run(1, 3, PARENT)), new byte[0]);
        String what = refusal(b);
        assertTrue(what.contains("b/pagemap-7.img"), what);
        assertTrue(what.contains("0x3000"), what);
    }

    @Test
    void shouldNotTakeALazyPageForAPresentOne() {
        set("a", null, List.of(run(1, 1, LAZY)), new byte[0]);
        ImageDir b = set("b", "a", List.of(run(1, 1, PARENT)), new byte[0]);
        assertTrue(refusal(b).contains("0x1000"));
        ImageDir c = set("c", null, List.of(run(1, 1, LAZY)), new byte[0]);
        assertTrue(refusal(c).contains("page server"));
    }

    @Test
    void shouldNameAParentThatIsGoneUnfinishedOrWithoutThePagemap() throws IOException {
        ImageDir a = set("a", null, List.of(run(1, 1, PRESENT)), new byte[PAGE]);
        ImageDir b = set("b", "a", List.of(run(1, 1, PARENT)), new byte[0]);
        open(b).close();
        Files.delete(a.path(ImageType.PAGEMAP, 7));
        assertTrue(refusal(b).contains("pagemap-7.img: is missing"), refusal(b));
        Files.delete(a.path(ImageType.INVENTORY));
        assertTrue(refusal(b).contains("no inventory.img"), refusal(b));
        Files.delete(b.directory().resolve("parent"));
        assertTrue(refusal(b).contains("no parent link"), refusal(b));
    }

    @Test
    void shouldNoticeACycle() throws IOException {
        ImageDir a = set("a", "b", List.of(run(1, 1, PARENT)), new byte[0]);
        ImageDir b = set("b", "a", List.of(run(1, 1, PARENT)), new byte[0]);
        assertTrue(refusal(a).contains("lead back to itself"), refusal(a));
        assertTrue(refusal(b).contains("lead back to itself"), refusal(b));
    }

    @Test
    void shouldNotGiveZerosForAPageThatIsNotThere() {
        ImageDir a = set("a", null, List.of(run(1, 1, PRESENT)), new byte[PAGE]);
        try (ChainRead chain = open(a)) {
            ByteBuffer two = ByteBuffer.allocate(2 * PAGE);
            assertThrows(ImageFormatException.class, () -> chain.read(PAGE, two));
        }
    }
}
