package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import jcriu.Launcher.Outcome;
import jcriu.image.proto.dump_stats_entry;
import jcriu.memory.SoftDirtyTracker;
import jcriu.memory.Tracker;
import jcriu.memory.Trackers;
import jcriu.memory.UffdTracker;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.VmFlag;
import jcriu.tracee.RemoteMemory;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Chains with the tracker uffd-wp: who holds the marks, and when they are believed. */
class UffdIT extends ChainCase {
    private static final int MIB = 16;
    private static final int PAGES = MIB << 8;
    private static final String BY_CONTENT = "is compared by content";

    private static Path program;

    @BeforeAll
    static void prepare() {
        assumeTrue(UffdTracker.works(), "this kernel has no uffd-wp");
        program = CCompiler.testee("target", scratch);
    }

    private LiveTarget start() {
        return LiveTarget.start(program, scratch, "memory", "" + MIB);
    }

    private Outcome run(LiveTarget target, String name, String parent, String... words)
            throws IOException {
        List<String> all = new ArrayList<>(List.of(words));
        String images = images(name);
        all.addAll(List.of("-t", "" + target.pid(), "-D", images));
        if (!all.contains("--tracker=auto")) {
            all.addAll(List.of("--tracker", "uffd-wp"));
        }
        if (!parent.isEmpty()) {
            all.addAll(List.of("--prev-images-dir", "../" + parent));
        }
        Outcome outcome = jcriu(all.toArray(String[]::new));
        outcome.requireSuccess();
        return outcome;
    }

    private static boolean watched(LiveTarget target) {
        return Maps.readSmaps(target.pid()).stream().anyMatch(vma -> vma.has(VmFlag.UW));
    }

    /** The line that begins so, and says that something was compared by content. */
    private static String line(String begin, String output) {
        return output.lines()
                .filter(line -> line.startsWith(begin) && line.contains(BY_CONTENT))
                .findFirst()
                .orElse("no such line: " + begin);
    }

    private void requireFew(String name) throws IOException {
        dump_stats_entry stats = stats(images(name));
        assertTrue(stats.getPagesWritten() < 64, name + ": " + stats);
        assertTrue(stats.getPagesSkippedParent() >= PAGES, name + ": " + stats);
    }

    private void requireRestore(LiveTarget target, String name) {
        LiveTarget.await("the end of " + target.pid(), () -> !target.alive());
        jcriu("restore", "-d", "-D", directory.resolve(name).toString()).requireSuccess();
        target.awaitProgress(1);
    }

    private static boolean alive(int pid) {
        return LiveTarget.state(pid) != 'X' && LiveTarget.state(pid) != 'Z';
    }

    @Test
    void shouldLeaveNothingInTheTarget() throws IOException {
        try (LiveTarget target = start()) {
            String before = target.snapshot();
            run(target, "1", "", "pre-dump");
            assertEquals(before, target.snapshot());
            assertTrue(watched(target));
            int keeper = track("1").getKeeperPid();
            assertTrue(alive(keeper));
            assertFalse(run(target, "2", "1", "pre-dump").output().contains(BY_CONTENT));
            requireFew("2");
            LiveTarget.await("the end of keeper " + keeper, () -> !alive(keeper));
            run(target, "3", "2", "dump", "-R", "--track-mem");
            requireFew("3");
            target.awaitProgress(1);
            assertEquals(before, target.snapshot());
            int last = track("3").getKeeperPid();
            run(target, "4", "3", "dump");
            requireFew("4");
            LiveTarget.await("the end of keeper " + last, () -> !alive(last));
            requireRestore(target, "4");
        }
    }

    /** Neighbours of which only one was watched become one mapping when both are. */
    @Test
    void shouldDumpAMappingThatIsJoinedToItsNeighbour() throws IOException {
        Path file = Files.write(directory.resolve("mapped"), new byte[8 << 12]);
        try (LiveTarget target = LiveTarget.start(program, scratch, "again", file.toString())) {
            run(target, "1", "", "pre-dump");
            LiveTarget.kill(target.pid(), "USR2");
            target.awaitProgress(1);
            assertEquals(2, mappingsOf(target, file));
            run(target, "2", "1", "dump", "-R", "--track-mem");
            target.awaitProgress(1);
            run(target, "3", "2", "dump");
            requireRestore(target, "3");
            assertEquals(1, mappingsOf(target, file));
        }
    }

    private static long mappingsOf(LiveTarget target, Path file) {
        return Maps.read(target.pid()).stream()
                .filter(vma -> vma.name().equals(file.toString()))
                .count();
    }

    /** A dump that is no parent itself makes an end of it. */
    @Test
    void shouldEndWithADumpThatDoesNotTrack() throws IOException {
        try (LiveTarget target = start()) {
            run(target, "1", "", "pre-dump");
            int keeper = track("1").getKeeperPid();
            assertFalse(run(target, "2", "1", "dump", "-R").output().contains(BY_CONTENT));
            requireFew("2");
            LiveTarget.await("the end of keeper " + keeper, () -> !alive(keeper));
            LiveTarget.await("the marks to go", () -> !watched(target));
            target.awaitProgress(1);
        }
    }

    /** It is said in the log, with the statistics, at the end, and in the images. */
    @Test
    void shouldCompareByContentWhereTheKeeperWasKilled() throws IOException {
        try (LiveTarget target = start()) {
            run(target, "1", "", "pre-dump");
            LiveTarget.kill(track("1").getKeeperPid(), "KILL");
            LiveTarget.await("the marks to go", () -> !watched(target));
            target.awaitProgress(1);
            Outcome second =
                    run(
                            target,
                            "2",
                            "1",
                            "pre-dump",
                            "--display-stats",
                            "-o",
                            "log",
                            "--tracker=auto");
            Path log = directory.resolve("2/log");
            for (String text :
                    List.of(
                            Files.readString(log),
                            line("tracker: ", second.output()),
                            line("Warning: ", second.output()),
                            jcriu("list", "--json", images("2")).output())) {
                assertTrue(text.contains(BY_CONTENT), text + "\n" + second.output());
            }
            requireFew("2");
            assertFalse(
                    run(target, "3", "2", "dump", "--tracker=auto").output().contains(BY_CONTENT));
            requireFew("3");
            requireRestore(target, "3");
        }
    }

    /** The copy comes after the thaw: what is written in between is in both rounds. */
    @Test
    void shouldCopyAfterTheThawAndFindTheWriteInTheNextRound() throws Exception {
        try (LiveTarget target = start()) {
            Path over = directory.resolve("over");
            List<String> command =
                    Launcher.with(
                            "-Djcriu.fault=predump.pages:delay=" + over,
                            Launcher.SCRIPT,
                            "pre-dump",
                            "--tracker=uffd-wp",
                            "-t" + target.pid(),
                            "-D" + images("1"));
            Process first = Launcher.start(command, directory.resolve("output"));
            LiveTarget.await("marks", () -> watched(target));
            target.awaitProgress(1); // it runs, and nothing is copied yet
            MapsVma memory =
                    Maps.read(target.pid()).stream()
                            .filter(vma -> vma.inode() == 0 && vma.lengthBytes() >= MIB << 20)
                            .findFirst()
                            .orElseThrow();
            byte[] secret = UUID.randomUUID().toString().getBytes(StandardCharsets.UTF_8);
            RemoteMemory.write(target.pid(), memory.end() - 8192 + 100, secret);
            Files.createFile(over);
            assertEquals(0, first.waitFor(), Files.readString(directory.resolve("output")));
            assertTrue(holds("1", secret));
            run(target, "2", "1", "pre-dump");
            assertTrue(holds("2", secret));
            requireFew("2");
        }
    }

    /** Whether these bytes are among the pages of a checkpoint. */
    private boolean holds(String name, byte[] bytes) throws IOException {
        String wanted = new String(bytes, StandardCharsets.ISO_8859_1);
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(directory.resolve(name), "pages-*.img")) {
            for (Path file : files) {
                if (Files.readString(file, StandardCharsets.ISO_8859_1).contains(wanted)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Without the option: what leaves nothing behind. */
    @Test
    void shouldNotBeginToWatchUnasked() {
        String best = SoftDirtyTracker.works() ? "soft-dirty" : "digest";
        try (Tracker chosen = Trackers.choose(Trackers.AUTO, Optional.empty(), true)) {
            assertEquals(best, chosen.name());
        }
    }

    /** Two chains from the same images: the marks are believed by the first one only. */
    @Test
    void shouldNotBelieveMarksThatAnotherChainHasSetAnew() throws IOException {
        try (LiveTarget target = start()) {
            run(target, "1", "", "pre-dump");
            assertFalse(run(target, "a", "1", "pre-dump").output().contains(BY_CONTENT));
            target.awaitProgress(1);
            Outcome other = run(target, "b", "1", "pre-dump");
            assertTrue(other.output().contains(BY_CONTENT), other.output());
            run(target, "c", "a", "dump");
            requireRestore(target, "c");
        }
    }

    /** A chain that starts anew cannot have the marks of another, and leaves it alone. */
    @Test
    void shouldLeaveAnotherChainAlone() throws IOException {
        try (LiveTarget target = start()) {
            run(target, "a1", "", "pre-dump");
            run(target, "b1", "", "pre-dump");
            target.awaitProgress(1);
            assertFalse(run(target, "a2", "a1", "pre-dump").output().contains("content"));
            Outcome second = run(target, "b2", "b1", "pre-dump");
            assertTrue(second.output().contains("compared by content"), second.output());
            requireFew("a2");
            requireFew("b2");
            run(target, "a3", "a2", "dump");
            requireRestore(target, "a3");
        }
    }

    /** Any process may call itself a keeper, and say what it likes. */
    @Test
    void shouldNotListenToAKeeperOfAnotherUser() throws IOException {
        try (LiveTarget impostor = LiveTarget.start(program, scratch, "impostor", "");
                LiveTarget target = start()) {
            run(target, "1", "", "pre-dump");
            assertFalse(run(target, "2", "1", "pre-dump").output().contains(BY_CONTENT));
            requireFew("2");
            assertTrue(impostor.alive());
        }
    }
}
