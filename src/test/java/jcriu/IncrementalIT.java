package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import jcriu.Launcher.Outcome;
import jcriu.image.proto.dump_stats_entry;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Chains of dumps. */
class IncrementalIT extends ChainCase {
    private static final int MIB = 16;
    private static final int PAGES = MIB << 8;
    private static final int DAMAGED = 6;
    private static final String XXHASH = "libxxhash.so.0";

    private static Path program;

    @BeforeAll
    static void prepare() {
        program = CCompiler.testee("target", scratch);
    }

    private LiveTarget start() {
        return LiveTarget.start(program, scratch, "memory", "" + MIB);
    }

    /** Bytes of all pages files of a directory. */
    private static long pagesBytes(String images) throws IOException {
        long bytes = 0;
        try (Stream<Path> files = Files.list(Path.of(images))) {
            for (Path file : files.toList()) {
                if (file.getFileName().toString().startsWith("pages-")) {
                    bytes += Files.size(file);
                }
            }
        }
        return bytes;
    }

    private static void requireGone(LiveTarget target) {
        LiveTarget.await("the end of " + target.pid(), () -> !target.alive());
    }

    /** A restore makes shared objects anew; their pages stay in the parent all the same. */
    @Test
    void shouldLeaveSharedPagesToTheParentAfterARestore() throws IOException {
        try (SharedTarget target =
                SharedTarget.start(CCompiler.testee("shared", scratch), scratch)) {
            String pid = "" + target.pid();
            jcriu("dump", "-t", pid, "-D", images(1)).requireSuccess();
            String parent = "1";
            List<Long> sums = List.of();
            for (int round = 2; round <= 5; round++) {
                LiveTarget.await("the end of " + pid, () -> !target.alive());
                jcriu("restore", "-d", "-D", images(parent)).requireSuccess();
                sums = target.sums();
                requireFewShared(pid, round + "a", parent, "dump", "-R", "--track-mem");
                for (int area = SharedTarget.ANONYMOUS; area <= SharedTarget.SEGMENT; area++) {
                    target.change(SharedTarget.Way.WRITE, area, 10 + round, 1000 + round);
                }
                sums = target.sums();
                requireFewShared(pid, round + "b", round + "a", "pre-dump");
                requireFewShared(pid, "" + round, round + "b", "dump");
                parent = "" + round;
            }
            LiveTarget.await("the end of " + pid, () -> !target.alive());
            jcriu("restore", "-d", "-D", images(parent)).requireSuccess();
            assertEquals(sums, target.sums());
            jcriu("verify", images(parent)).requireSuccess();
        }
    }

    private void requireFewShared(String pid, String name, String parent, String... words)
            throws IOException {
        List<String> all = new ArrayList<>(List.of(words));
        all.addAll(List.of("-t", pid, "-D", images(name), "--prev-images-dir", "../" + parent));
        jcriu(all.toArray(String[]::new)).requireSuccess();
        dump_stats_entry stats = stats(images(name));
        assertTrue(stats.getShpagesWritten() <= 3, name + ": " + stats);
        assertTrue(
                stats.getShpagesSkippedParent() >= 3 * SharedTarget.PAGES - 3, name + ": " + stats);
    }

    @Test
    void shouldWriteOnlyWhatHasChanged() throws IOException {
        try (LiveTarget target = start()) {
            String pid = "" + target.pid();
            String before = target.snapshot();
            jcriu("pre-dump", "-t", pid, "-D", images(1)).requireSuccess();
            jcriu("pre-dump", "-t", pid, "-D", images(2), "--prev-images-dir", "../1")
                    .requireSuccess();
            assertEquals(before, target.snapshot());
            target.awaitProgress(1);
            jcriu(
                            "dump",
                            "-R",
                            "--track-mem",
                            "-t",
                            pid,
                            "-D",
                            images(3),
                            "--prev-images-dir",
                            directory.resolve("2").toString())
                    .requireSuccess();
            assertEquals(before, target.snapshot());
            jcriu("dump", "-t", pid, "-D", images(4), "--prev-images-dir", "../3").requireSuccess();
            requireGone(target);
            assertEquals("../2", Files.readSymbolicLink(Path.of(images(3), "parent")).toString());
            assertTrue(stats(images(1)).getPagesWritten() >= PAGES);
            assertEquals(0, stats(images(1)).getPagesSkippedParent());
            for (int n = 2; n <= 4; n++) {
                dump_stats_entry stats = stats(images(n));
                // stack, heap and data of the C library
                assertTrue(stats.getPagesWritten() < 64, n + ": " + stats);
                assertTrue(stats.getPagesSkippedParent() >= PAGES, n + ": " + stats);
                assertEquals(
                        4096 * (stats.getPagesWritten() + stats.getShpagesWritten()),
                        pagesBytes(images(n)));
            }
            // each of the chain can be restored, an earlier one, too
            for (int n : new int[] {4, 3}) {
                jcriu("restore", "-d", "-D", images(n)).requireSuccess();
                target.awaitProgress(1);
                LiveTarget.kill(target.pid(), "KILL");
                requireGone(target);
            }
            // and the first dump after a restore, with what it was restored from
            jcriu("restore", "-d", "-D", images(4)).requireSuccess();
            jcriu("dump", "-t", pid, "-D", images(5), "--prev-images-dir", "../4").requireSuccess();
            assertTrue(stats(images(5)).getPagesWritten() < 64, "" + stats(images(5)));
            jcriu("restore", "-d", "-D", images(5)).requireSuccess();
            target.awaitProgress(1);
        }
    }

    /** One chain, on machines with xxHash's library and without: the digests are the same. */
    @Test
    void shouldDigestAlikeWithAndWithoutTheLibrary() throws IOException {
        try (LiveTarget target = start()) {
            for (int n = 1; n <= 4; n++) {
                boolean missing = n % 2 == 0;
                List<String> words =
                        new ArrayList<>(
                                List.of(
                                        Launcher.SCRIPT,
                                        n < 4 ? "pre-dump" : "dump",
                                        "-v4",
                                        "--tracker=digest",
                                        "--track-mem",
                                        "-t" + target.pid(),
                                        "-D" + images(n)));
                if (n > 1) {
                    words.add("--prev-images-dir=../" + (n - 1));
                }
                String option =
                        missing ? "-Djcriu.xxhash=libnone.so.0" : "-Djcriu.xxhash=" + XXHASH;
                Outcome outcome = Launcher.run(Launcher.with(option, words.toArray(String[]::new)));
                outcome.requireSuccess();
                String by = "pages are digested by " + (missing ? "hash4j" : XXHASH);
                assertTrue(outcome.output().contains(by), outcome.output());
                if (n > 1) {
                    dump_stats_entry stats = stats(images(n));
                    assertTrue(stats.getPagesWritten() < 64, n + ": " + stats);
                    assertTrue(stats.getPagesSkippedParent() >= PAGES, n + ": " + stats);
                }
            }
            requireGone(target);
            jcriu("verify", images(4)).requireSuccess();
            jcriu("restore", "-d", "-D", images(4)).requireSuccess();
            target.awaitProgress(1);
        }
    }

    /** A plain dump has no digests. */
    @Test
    void shouldCompareBytesWhereTheParentHasNoDigests() throws IOException {
        try (LiveTarget target = start()) {
            String pid = "" + target.pid();
            jcriu("dump", "-R", "-t", pid, "-D", images(1)).requireSuccess();
            assertFalse(Files.exists(Path.of(images(1), "jcriu-digests-1.img")));
            target.awaitProgress(1);
            jcriu("dump", "-t", pid, "-D", images(2), "--prev-images-dir", "../1").requireSuccess();
            requireGone(target);
            assertTrue(stats(images(2)).getPagesWritten() < 64, "" + stats(images(2)));
            assertTrue(stats(images(2)).getPagesSkippedParent() >= PAGES);
            jcriu("restore", "-d", "-D", images(2)).requireSuccess();
            target.awaitProgress(1);
        }
    }

    /** A dump empties its directory first. */
    @Test
    void shouldNotEmptyADirectoryThatTheChainNeeds() throws IOException {
        try (LiveTarget target = start()) {
            String pid = "" + target.pid();
            jcriu("pre-dump", "-t", pid, "-D", images(1)).requireSuccess();
            jcriu("pre-dump", "-t", pid, "-D", images(2), "--prev-images-dir", "../1")
                    .requireSuccess();
            jcriu("pre-dump", "-t", pid, "-D", images(3), "--prev-images-dir", "../2")
                    .requireSuccess();
            for (String action : new String[] {"pre-dump", "dump"}) {
                jcriu(action, "-t", pid, "-D", images(1), "--prev-images-dir", "../3")
                        .requireFailure(3, "need");
            }
            jcriu("dump", "-t", pid, "-D", images(4), "--prev-images-dir", "../3").requireSuccess();
            requireGone(target);
            jcriu("restore", "-d", "-D", images(4)).requireSuccess();
            target.awaitProgress(1);
        }
    }

    /** A pre-dump holds memory only: it is no dump. */
    @Test
    void shouldNotRestoreAPreDump() throws IOException {
        try (LiveTarget target = start()) {
            jcriu("pre-dump", "-t", "" + target.pid(), "-D", images(1)).requireSuccess();
            jcriu("restore", "-d", "-D", images(1)).requireFailure(DAMAGED, "is a pre-dump");
            assertTrue(target.alive());
        }
    }

    @Test
    void shouldNameADamagedPage() throws IOException {
        try (LiveTarget target = start()) {
            String pid = "" + target.pid();
            jcriu("pre-dump", "-t", pid, "-D", images(1)).requireSuccess();
            jcriu("dump", "-t", pid, "-D", images(2), "--prev-images-dir", "../1").requireSuccess();
            requireGone(target);
            Path pages = Path.of(images(1), "pages-1.img");
            long at = Files.size(pages) / 2;
            flip(pages, at);
            jcriu("restore", "-d", "-D", images(2))
                    .requireFailure(DAMAGED, "parent/pages-1.img at byte " + (at & -4096));
            assertFalse(target.alive());
            Outcome verified = jcriu("verify", images(2));
            assertEquals(DAMAGED, verified.status(), verified.output());
            assertTrue(
                    verified.output()
                            .contains(
                                    images(1)
                                            + ": pages-1.img at byte "
                                            + (at & -4096)
                                            + ": the page at 0x"),
                    verified.output());
            assertTrue(verified.output().contains(", of task " + pid), verified.output());
            jcriu("restore", "-d", "--no-verify", "-D", images(2)).requireSuccess();
            LiveTarget.kill(target.pid(), "KILL");
            requireGone(target);
            flip(pages, at);
            verified = jcriu("verify", images(2));
            verified.requireSuccess();
            assertEquals(2, verified.output().strip().split("\n").length, verified.output());
            jcriu("restore", "-d", "-D", images(2)).requireSuccess();
            target.awaitProgress(1);
        }
    }

    /** The same program's memory, some moments earlier or later: nothing else would notice. */
    @Test
    void shouldRefuseAParentThatTookAnothersPlace() throws IOException {
        try (LiveTarget target = start()) {
            String pid = "" + target.pid();
            jcriu("pre-dump", "-t", pid, "-D", images(1)).requireSuccess();
            jcriu("pre-dump", "-t", pid, "-D", images(2)).requireSuccess();
            jcriu("dump", "-R", "-t", pid, "-D", images(3), "--prev-images-dir", "../1")
                    .requireSuccess();
            Files.move(Path.of(images(1)), directory.resolve("away"));
            Files.move(Path.of(images(2)), directory.resolve("1"));
            String other = directory.resolve("1").toString();
            Outcome list = jcriu("list", "--json", directory.toString());
            list.requireSuccess();
            assertTrue(list.output().contains("is not the checkpoint"), list.output());
            jcriu("dump", "-R", "-t", pid, "-D", images(4), "--prev-images-dir", "../3")
                    .requireFailure(DAMAGED, "is not the checkpoint that");
            jcriu("dump", "-t", pid, "-D", images(4), "--prev-images-dir", other).requireSuccess();
            requireGone(target);
            jcriu("restore", "-d", "-D", images(3))
                    .requireFailure(DAMAGED, "is not the checkpoint that");
            jcriu("restore", "-d", "-D", images(4)).requireSuccess();
            target.awaitProgress(1);
        }
    }

    private static void flip(Path file, long at) throws IOException {
        try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
            bytes.seek(at);
            int old = bytes.read();
            bytes.seek(at);
            bytes.write(old ^ 1);
        }
    }

    @Test
    void shouldRefuseAParentThatIsNone() throws IOException {
        try (LiveTarget target = start()) {
            String pid = "" + target.pid();
            jcriu("dump", "-t", pid, "-D", images(1), "--prev-images-dir", "../7")
                    .requireFailure(3, "the previous images directory");
            jcriu("dump", "-t", pid, "-D", images(1), "--prev-images-dir", ".")
                    .requireFailure(3, "in the images directory itself");
            images(2);
            jcriu("dump", "-t", pid, "-D", images(1), "--prev-images-dir", "../2")
                    .requireFailure(DAMAGED, "no inventory.img");
            try (Stream<Path> files = Files.list(Path.of(images(1)))) {
                assertEquals(0, files.count());
            }
            target.awaitProgress(1);
        }
    }
}
