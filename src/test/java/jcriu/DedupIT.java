package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jcriu.Launcher.Outcome;
import jcriu.SharedTarget.Way;
import jcriu.errors.EnvironmentException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.inspect.Verification;
import jcriu.memory.ChainLock;
import jcriu.memory.Holes;
import jcriu.store.ChainRead;
import jcriu.store.Dedup;
import jcriu.store.Link;
import jcriu.store.PageTarget;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Superseded pages leave the parents of a chain; the chain stays whole, whatever happens. */
class DedupIT extends ChainCase {
    private static final int DAMAGED = 6;
    private static final Pattern ALL = Pattern.compile("all .* (\\d+) bytes, (\\d+) pages");

    private static Path program;

    @BeforeAll
    static void prepare() {
        program = CCompiler.testee("shared", scratch);
    }

    /** Bytes that the pages files of a directory take, as du(1) counts them. */
    private static long space(String images) throws IOException {
        long blocks = 0;
        try (Stream<Path> files = Files.list(Path.of(images))) {
            for (Path file : files.toList()) {
                if (file.getFileName().toString().startsWith("pages-")) {
                    blocks +=
                            Long.parseLong(
                                    CCompiler.run(List.of("stat", "-c", "%b", file.toString()))
                                            .strip());
                }
            }
        }
        return blocks * 512;
    }

    private static long pagesOf(Outcome outcome) {
        outcome.requireSuccess();
        Matcher all = ALL.matcher(outcome.output());
        assertTrue(all.find(), outcome.output());
        assertEquals(Long.parseLong(all.group(1)), 4096 * Long.parseLong(all.group(2)));
        return Long.parseLong(all.group(2));
    }

    /** Checkpoint n, after half of each area was written; what the memory was then. */
    private List<Long> checkpoint(SharedTarget target, int n, String... more) throws IOException {
        for (int area = 0; area < 4; area++) {
            for (int page = 0; page < SharedTarget.PAGES; page += 2) {
                target.change(Way.WRITE, area, page, 1000L * n + page);
            }
        }
        List<Long> sums = target.sums();
        List<String> words =
                new ArrayList<>(
                        List.of(
                                "dump",
                                "-R",
                                "--track-mem",
                                "-t",
                                "" + target.pid(),
                                "-D",
                                images(n)));
        if (n > 1) {
            words.addAll(List.of("--prev-images-dir", "../" + (n - 1)));
        }
        words.addAll(List.of(more));
        jcriu(words.toArray(new String[0])).requireSuccess();
        return sums;
    }

    private void requireRestorable(SharedTarget target, int n, List<Long> sums) throws IOException {
        target.kill();
        jcriu("restore", "-d", "-D", images(n)).requireSuccess();
        assertEquals(sums, target.sums());
    }

    @Test
    void shouldGiveBackWhatTheNewestHasInItsPlace() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            checkpoint(target, 1);
            checkpoint(target, 2);
            List<Long> sums = checkpoint(target, 3);
            long before = space(images(1)) + space(images(2));
            long would = pagesOf(jcriu("dedup", "--dry-run", "-D", images(3)));
            assertEquals(before, space(images(1)) + space(images(2)));
            Outcome outcome = jcriu("dedup", "-D", images(3));
            assertEquals(would, pagesOf(outcome));
            assertTrue(would >= 2 * SharedTarget.PAGES / 2, outcome.output());
            long after = space(images(1)) + space(images(2));
            // many holes may cost a block of the file system's own in each file
            assertTrue(
                    after >= before - 4096 * would && after <= before - 4096 * (would - 8),
                    before + " - 4096 * " + would + ": " + after);
            assertEquals(0, pagesOf(jcriu("dedup", "-D", images(3))));
            target.kill();
            for (int n = 1; n <= 2; n++) {
                jcriu("restore", "-d", "-D", images(n))
                        .requireFailure(DAMAGED, "dedup left them to the later checkpoint ../3");
                jcriu("dedup", "-D", images(n))
                        .requireFailure(DAMAGED, "dedup left them to the later checkpoint ../3");
            }
            requireRestorable(target, 3, sums);
            jcriu("dump", "-t", "" + target.pid(), "-D", images(4), "--prev-images-dir", "../1")
                    .requireFailure(DAMAGED, "dedup left them to the later checkpoint ../3");
            assertEquals(sums, target.sums());
            requireRestorable(target, 4, checkpoint(target, 4));
        }
    }

    @Test
    void shouldDedupInPassing() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            checkpoint(target, 1);
            List<Long> sums = checkpoint(target, 2, "--auto-dedup");
            assertEquals(0, pagesOf(jcriu("dedup", "-D", images(2))));
            target.kill();
            jcriu("restore", "-d", "-D", images(1))
                    .requireFailure(DAMAGED, "dedup left them to the later checkpoint ../2");
            requireRestorable(target, 2, sums);
        }
    }

    /** Runs jcriu up to a point, where nobody may take pages out of images; then to its end. */
    private static void whileHeld(ImageDir images, String point, Runnable more, String... words)
            throws IOException {
        Path over = scratch.resolve("over-" + point);
        List<String> command =
                new ArrayList<>(
                        List.of(
                                "env",
                                "JCRIU_JAVA_OPTS=-Djcriu.fault=" + point + ":delay=" + over,
                                Launcher.SCRIPT));
        command.addAll(List.of(words));
        Path output = scratch.resolve("output-" + point);
        Process jcriu = Launcher.start(command, output);
        try {
            LiveTarget.await(
                    words[0] + " to hold the images",
                    () -> {
                        try {
                            ChainLock.exclusive(images, false).close();
                            return false;
                        } catch (EnvironmentException e) {
                            String holder = "process " + jcriu.pid() + ", jcriu " + words[0];
                            return e.what().endsWith(holder);
                        }
                    });
            more.run();
            Files.createFile(over);
            assertEquals(0, jcriu.waitFor(), Files.readString(output));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        } finally {
            jcriu.destroyForcibly();
        }
    }

    /** What a dump and a restore read stays; who reads what --auto-dedup would take is named. */
    @Test
    void shouldTakeNothingFromWhoReads() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            checkpoint(target, 1);
            target.change(Way.WRITE, SharedTarget.PRIVATE, 4, 7);
            List<Long> sums = target.sums();
            String pid = "" + target.pid();
            ImageDir first = new ImageDir(Path.of(images(1)));
            String second = images(2);
            List<ChainLock> reader = new ArrayList<>();
            whileHeld(
                    first,
                    "dump.room",
                    () -> reader.add(ChainLock.shared(first)),
                    "dump",
                    "-t",
                    pid,
                    "-D",
                    second,
                    "--prev-images-dir",
                    "../1",
                    "--auto-dedup");
            reader.get(0).close();
            String said = Files.readString(scratch.resolve("output-dump.room"));
            assertTrue(said.contains(images(1) + " is in use by process"), said);
            whileHeld(first, "restore.resume", () -> {}, "restore", "-d", "-D", second);
            assertEquals(sums, target.sums());
            assertTrue(pagesOf(jcriu("dedup", "-D", second)) > 0);
        }
    }

    /** The only checkpoint that can be restored stays so until there is another. */
    @Test
    void shouldDedupPreDumpsInPassing() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            String pid = "" + target.pid();
            jcriu("pre-dump", "-t", pid, "-D", images(1)).requireSuccess();
            target.change(Way.WRITE, SharedTarget.PRIVATE, 3, 7);
            jcriu(
                            "pre-dump",
                            "-t",
                            pid,
                            "-D",
                            images(2),
                            "--prev-images-dir",
                            "../1",
                            "--auto-dedup")
                    .requireSuccess();
            assertTrue(Files.exists(Path.of(images(1), "jcriu-superseded.img")));
            List<Long> sums = checkpoint(target, 3);
            target.change(Way.WRITE, SharedTarget.PRIVATE, 4, 7);
            jcriu(
                            "pre-dump",
                            "-t",
                            pid,
                            "-D",
                            images(4),
                            "--prev-images-dir",
                            "../3",
                            "--auto-dedup")
                    .requireSuccess();
            requireRestorable(target, 3, sums);
        }
    }

    /** Of every page of a checkpoint and its parents, by target: what it was and is. */
    private static Map<PageTarget, Integer> content(Path directory) {
        ImageDir images = new ImageDir(directory);
        Map<PageTarget, Integer> content = new HashMap<>();
        for (ImageType type : List.of(ImageType.PAGEMAP, ImageType.SHMEM_PAGEMAP)) {
            for (long id : images.ids(type)) {
                PageTarget target = new PageTarget(type, id);
                try (ChainRead pages = ChainRead.open(images, target).orElseThrow()) {
                    int hash = 0;
                    for (int i = 0; i < pages.runs().size(); i++) {
                        long start = pages.runs().start(i);
                        ByteBuffer run = ByteBuffer.allocate((int) (pages.runs().end(i) - start));
                        pages.read(start, run);
                        hash = 31 * hash + run.flip().hashCode();
                    }
                    content.put(target, hash);
                }
            }
        }
        return content;
    }

    /** A file system of this type where the chain goes; whoever calls it unmounts it. */
    private String mount(String type) {
        String mount = directory.toString();
        assumeTrue(
                Launcher.run(List.of("mount", "-t", type, "none", mount)).status() == 0,
                type + " cannot be mounted here");
        return mount;
    }

    private static Outcome fault(String point, String... words) {
        List<String> command = Launcher.with("-Djcriu.fault=" + point, Launcher.SCRIPT);
        command.addAll(List.of(words));
        return Launcher.run(command);
    }

    /** Full dumps 1 to {@code last}, a page of each area written before each; the sums then. */
    private List<List<Long>> fullDumps(SharedTarget target, int last) throws IOException {
        List<List<Long>> sums = new ArrayList<>();
        for (int n = 1; n <= last; n++) {
            for (int area = 0; area < 4; area++) {
                target.change(Way.WRITE, area, n, 4711L * n);
            }
            sums.add(target.sums());
            jcriu("dump", "-R", "-t", "" + target.pid(), "-D", images(n)).requireSuccess();
        }
        return sums;
    }

    /** Five full dumps of one tree: what is the same is stored once, and each is restored. */
    @Test
    void shouldLinkFullDumps() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            List<List<Long>> sums = fullDumps(target, 5);
            long before = 0;
            for (int n = 1; n <= 5; n++) {
                before += space(images(n));
            }
            String[] link = {
                "dedup", "--link", images(1), images(2), images(3), images(4), images(5)
            };
            long pages = pagesOf(jcriu(link));
            // of 4 areas in 4 dumps all but one page each, and more
            assertTrue(pages >= 4 * 4 * (SharedTarget.PAGES - 1), "" + pages);
            long after = 0;
            for (int n = 1; n <= 5; n++) {
                after += space(images(n));
            }
            assertEquals(before - 4096 * pages, after);
            assertEquals(0, pagesOf(jcriu(link)));
            jcriu("dedup", "--link", images(1), images(3))
                    .requireFailure(3, "has another parent already");
            for (int n = 5; n >= 1; n--) {
                jcriu("verify", images(n)).requireSuccess();
                requireRestorable(target, n, sums.get(n - 1));
            }
        }
    }

    /** SIGKILL at steps of each kind: every dump is what it was, and a second run ends it. */
    @ParameterizedTest
    @ValueSource(strings = {"dedup.write", "dedup.sync", "dedup.rename", "dedup.punch"})
    void shouldSurviveItsDeathWhileItLinks(String kind) throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            List<List<Long>> sums = fullDumps(target, 3);
            target.kill();
            List<Map<PageTarget, Integer>> before = new ArrayList<>();
            for (int n = 1; n <= 3; n++) {
                before.add(content(Path.of(images(n))));
            }
            for (int step = 1; ; step += 1 + step / 2) {
                Path copy = Files.createTempDirectory(scratch, "copy");
                CCompiler.run(List.of("cp", "-a", directory + "/.", copy.toString()));
                List<String> dumps = new ArrayList<>(List.of("dedup", "--link"));
                List<ImageDir> images = new ArrayList<>();
                for (int n = 1; n <= 3; n++) {
                    dumps.add("" + copy.resolve("" + n));
                    images.add(new ImageDir(copy.resolve("" + n)));
                }
                String point = kind + "@" + step;
                Outcome outcome = fault(point + ":kill", dumps.toArray(new String[0]));
                if (outcome.status() == 0) {
                    assertTrue(step > 7, kind + " has only " + step + " steps");
                    return;
                }
                assertEquals(128 + 9, outcome.status(), point + outcome.output());
                requireAsBefore(images, before, point);
                if (step == 7) { // one of them for real
                    for (int n = 1; n <= 3; n++) {
                        jcriu("restore", "-d", "-D", "" + copy.resolve("" + n)).requireSuccess();
                        assertEquals(sums.get(n - 1), target.sums(), point);
                        target.kill();
                    }
                }
                Link.run(images, new Holes(), false);
                requireAsBefore(images, before, point);
                assertEquals(0, Link.run(images, new Holes(), true).pages(), point);
                assertEquals(2, Files.list(copy).filter(DedupIT::hasParent).count(), point);
            }
        }
    }

    private static boolean hasParent(Path dump) {
        return Files.isSymbolicLink(dump.resolve("parent"));
    }

    private static void requireAsBefore(
            List<ImageDir> images, List<Map<PageTarget, Integer>> before, String point) {
        for (int i = 0; i < images.size(); i++) {
            assertEquals(before.get(i), content(images.get(i).directory()), point);
            List<String> lines = new ArrayList<>();
            Verification.Result result = Verification.run(images.get(i).directory(), lines::add);
            assertEquals(0, result.faults(), point + lines);
        }
    }

    /** SIGKILL at each kind of step; the chain is as good as before, and a second run ends it. */
    @Test
    void shouldSurviveItsDeath() throws IOException {
        List<String> points =
                List.of(
                        "dedup.sync",
                        "dedup.sync@3",
                        "dedup.write",
                        "dedup.sync@4",
                        "dedup.rename",
                        "dedup.sync@5",
                        "dedup.write@2",
                        "dedup.rename@2",
                        "dedup.sync@7",
                        "dedup.punch",
                        "dedup.punch@2",
                        "dedup.punch@3");
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            checkpoint(target, 1);
            checkpoint(target, 2);
            List<Long> sums = checkpoint(target, 3);
            Map<PageTarget, Integer> before = content(Path.of(images(3)));
            for (String point : points) {
                Path copy = Files.createTempDirectory(scratch, "copy");
                CCompiler.run(List.of("cp", "-a", directory + "/.", copy.toString()));
                Path newest = copy.resolve("3");
                Outcome killed = fault(point + ":kill", "dedup", "-D", newest.toString());
                assertEquals(128 + 9, killed.status(), point + killed.output());
                assertEquals(before, content(newest), point);
                Dedup.run(new ImageDir(newest), new Holes(), false);
                assertEquals(before, content(newest), point);
                assertEquals(0, Dedup.run(new ImageDir(newest), new Holes(), true).pages(), point);
                if (point.equals("dedup.punch@2")) {
                    target.kill();
                    jcriu("restore", "-d", "-D", newest.toString()).requireSuccess();
                    assertEquals(sums, target.sums());
                }
            }
        }
    }

    /**
     * A file system that does not hold two copies: one dump, its restore, the next dump. Without
     * --auto-dedup there is no room; what is left of the first says where it went.
     */
    @Test
    void shouldUseTheImagesUpInARestore() throws IOException {
        String mount = mount("tmpfs");
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            List<Long> sums = checkpoint(target, 1);
            long full = space(images(1));
            long size = full + full / 2;
            CCompiler.run(List.of("mount", "-o", "remount,size=" + size, mount));
            jcriu("dump", "-R", "-t", "" + target.pid(), "-D", images(2)).requireFailure(7, "");
            target.kill();
            fault("restore.resume", "restore", "-d", "--auto-dedup", "-D", images(1))
                    .requireFailure(7, "fault");
            assertEquals(full, space(images(1)), "a failed restore has taken nothing");
            jcriu("restore", "-d", "--auto-dedup", "-D", images(1)).requireSuccess();
            assertEquals(sums, target.sums());
            assertEquals(0, space(images(1)));
            jcriu("dump", "-t", "" + target.pid(), "-D", images(2)).requireSuccess();
            jcriu("restore", "-d", "-D", images(1))
                    .requireFailure(DAMAGED, "a restore with --auto-dedup took them");
            jcriu("restore", "-d", "--auto-dedup", "-D", images(2)).requireSuccess();
            assertEquals(sums, target.sums());
        } finally {
            Launcher.run(List.of("umount", "-l", mount));
        }
    }

    /** The dump is complete; what its parents could give back is another matter. */
    @Test
    void shouldKeepADumpWhoseDedupFails() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            checkpoint(target, 1);
            String pid = "" + target.pid();
            List<Long> sums = target.sums();
            Outcome outcome =
                    fault(
                            "dedup.rename",
                            "dump",
                            "-t",
                            pid,
                            "-D",
                            images(2),
                            "--prev-images-dir",
                            "../1",
                            "--auto-dedup");
            outcome.requireSuccess();
            assertTrue(outcome.output().contains("the dump is complete"), outcome.output());
            requireRestorable(target, 2, sums);
        }
    }

    /** ramfs has no holes. */
    @Test
    void shouldSayThatAFileSystemCannotPunch() throws IOException {
        String mount = mount("ramfs");
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            List<Long> first = checkpoint(target, 1);
            checkpoint(target, 2);
            Outcome outcome = jcriu("dedup", "-D", images(2));
            assertEquals(0, pagesOf(outcome));
            assertEquals(
                    1, outcome.output().split("cannot give back parts of a file", -1).length - 1);
            requireRestorable(target, 1, first);
        } finally {
            Launcher.run(List.of("umount", "-l", mount));
        }
    }
}
