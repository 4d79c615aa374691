package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import jcriu.image.proto.dump_stats_entry;
import jcriu.memory.DigestTracker;
import jcriu.memory.UffdTracker;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Big shared memory in many tasks, used as PostgreSQL does ({@code src/test/c/postmaster.c}): a
 * chain with {@code --auto-dedup} that is restored, goes on, and is restored again. Each page of it
 * is stored once, unused ones are not, and no byte is wrong.
 */
class SharedSegmentIT extends ChainCase {
    private static final int PAGES = 2048;
    private static final int BACKENDS = 12;
    private static final int PAGE = 4096;
    private static final int OBJECTS = 2;
    private static final int ANONYMOUS = 0;
    private static final long MAGIC = 0xdb5;

    private static Path program;

    private MappedByteBuffer words;
    private String pid;

    /** What stands in pages files of an object: the first word of each page. */
    private record Stored(Set<Long> keys, int pages) {}

    @BeforeAll
    static void prepare() {
        program = CCompiler.testee("postmaster", scratch);
    }

    private void start() throws IOException {
        Path file = Files.createTempFile(scratch, "postmaster", ".words");
        Files.write(file, new byte[PAGE]);
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            words = channel.map(FileChannel.MapMode.READ_WRITE, 0, PAGE);
        }
        words.order(ByteOrder.nativeOrder());
        pid = "" + LiveTarget.detached(program + " " + file + " " + PAGES + " " + BACKENDS);
        LiveTarget.await("the postmaster to be ready", () -> word(0) == 1);
    }

    private long word(int index) {
        return words.getLong(8 * index);
    }

    private long slot(int process, int what) {
        return word(8 + 4 * process + what);
    }

    /** Pages used of both objects. */
    private long used() {
        return word(3);
    }

    private void round() {
        long round = word(1) + 1;
        words.putLong(8, round);
        for (int process = 0; process <= BACKENDS; process++) {
            int n = process;
            LiveTarget.await("round " + round + " of " + n, () -> slot(n, 1) == round);
        }
    }

    /** Each task compares all that it maps. */
    private void requireRight() {
        long check = word(2) + 1;
        words.putLong(8 * 2, check);
        for (int process = 0; process <= BACKENDS; process++) {
            int n = process;
            LiveTarget.await(
                    "check " + check + " of " + n, () -> slot(n, 0) == 0 || slot(n, 2) == check);
            assertEquals(0, slot(n, 0) == 0 ? 0 : slot(n, 3), "wrong pages of process " + n);
        }
    }

    private void awaitEnd() {
        for (int process = 0; process <= BACKENDS; process++) {
            int task = (int) slot(process, 0);
            LiveTarget.await(
                    "the end of " + task,
                    () -> task == 0 || "XZ".indexOf(LiveTarget.state(task)) >= 0);
        }
    }

    private void kill() {
        LiveTarget.kill(-Integer.parseInt(pid), "KILL");
        awaitEnd();
    }

    @AfterEach
    void end() {
        if (pid != null) {
            LiveTarget.kill(-Integer.parseInt(pid), "KILL");
        }
    }

    private static List<Path> pagesFiles(Path below) throws IOException {
        try (Stream<Path> files = Files.walk(below)) {
            return files.filter(file -> file.getFileName().toString().startsWith("pages-"))
                    .toList();
        }
    }

    /** Pages of the two objects, wherever they stand. */
    private static Stored stored(Path below) throws IOException {
        Set<Long> keys = new HashSet<>();
        int pages = 0;
        for (Path file : pagesFiles(below)) {
            try (FileChannel channel = FileChannel.open(file)) {
                MappedByteBuffer bytes =
                        channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
                bytes.order(ByteOrder.nativeOrder());
                for (int at = 0; at < bytes.capacity(); at += PAGE) {
                    long key = bytes.getLong(at);
                    if (key >>> 48 == MAGIC && (key >> 40 & 0xff) < OBJECTS) {
                        keys.add(key);
                        pages++;
                    }
                }
            }
        }
        return new Stored(keys, pages);
    }

    /** Bytes that pages files take, as du(1) counts them. */
    private long space() throws IOException {
        long blocks = 0;
        for (Path file : pagesFiles(directory)) {
            String text = CCompiler.run(List.of("stat", "-c", "%b", file.toString()));
            blocks += Long.parseLong(text.strip());
        }
        return blocks * 512;
    }

    private dump_stats_entry checkpoint(String action, int n, String tracker, String... more)
            throws IOException {
        List<String> command = new ArrayList<>(List.of(action, "--tracker", tracker, "-t", pid));
        command.addAll(List.of("-D", images(n)));
        if (n > 1) {
            command.addAll(List.of("--prev-images-dir", "../" + (n - 1), "--auto-dedup"));
        }
        command.addAll(List.of(more));
        jcriu(command.toArray(new String[0])).requireSuccess();
        Stored stored = stored(Path.of(images(n)));
        assertEquals(stored.keys.size(), stored.pages, "pages that stand twice in " + n);
        if (n == 1) {
            assertEquals(used(), stored.pages);
        } else {
            Set<Long> unchanged = new HashSet<>(stored.keys);
            unchanged.removeIf(key -> (key >> 32 & 0xff) == word(1));
            assertTrue(unchanged.size() < stored.pages, "nothing new in " + n);
            // after a restore, an object without a name is another one
            unchanged.removeIf(key -> n == 5 && (key >> 40 & 0xff) == ANONYMOUS);
            assertEquals(Set.of(), unchanged, "what the parent of " + n + " has");
        }
        return stats(images(n));
    }

    private void restore(int n) throws IOException {
        jcriu("restore", "-d", "-D", images(n)).requireSuccess();
        requireRight();
    }

    @ParameterizedTest
    @ValueSource(strings = {UffdTracker.NAME, DigestTracker.NAME})
    void shouldStoreEachPageOfASegmentOnce(String tracker) throws IOException {
        assumeTrue(!tracker.equals(UffdTracker.NAME) || UffdTracker.works());
        start();
        checkpoint("dump", 1, tracker, "-R", "--track-mem");
        round();
        checkpoint("dump", 2, tracker, "-R", "--track-mem");
        round();
        checkpoint("pre-dump", 3, tracker);
        round();
        checkpoint("dump", 4, tracker);
        awaitEnd();
        restore(4);
        round();
        dump_stats_entry last = checkpoint("dump", 5, tracker, "-R", "--track-mem");
        kill();
        restore(5);
        assertEquals(used(), stored(directory).pages, "stored in the chain");
        long live =
                PAGE
                        * (last.getPagesWritten()
                                + last.getPagesSkippedParent()
                                + last.getShpagesWritten()
                                + last.getShpagesSkippedParent());
        assertTrue(space() <= 1.02 * live, space() + " bytes for " + live);
        jcriu("verify", images(5)).requireSuccess();
    }
}
