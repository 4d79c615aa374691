package jcriu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import jcriu.Launcher.Outcome;
import jcriu.memory.UffdTracker;
import jcriu.proc.Maps;
import jcriu.proc.VmFlag;
import jcriu.sys.FaultPoint;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The patient survives: at every {@link FaultPoint} of a dump and a restore something goes wrong,
 * and a tree that checks itself ({@code src/test/c/patient.c}) goes on as if nothing had been; or
 * of a restore, nothing is left. Then the same command succeeds.
 */
@Tag("live")
class FaultsIT {
    private static final int IO = 7;
    private static final int KILLED = 128 + 9;
    private static final int COUNTERS = 5;
    private static final int WRONG = 6;

    /** Whose failure is a warning. */
    private static final Set<FaultPoint> WARNINGS =
            EnumSet.of(FaultPoint.DUMP_REHEARSE, FaultPoint.DUMP_STATS);

    /** Killed there, jcriu leaves threads to find their own way back, and their scratch area. */
    private static final Set<FaultPoint> REMOTE =
            EnumSet.of(
                    FaultPoint.DUMP_MAP,
                    FaultPoint.DUMP_ASK,
                    FaultPoint.DUMP_UNMAP,
                    FaultPoint.DUMP_GATHER);

    /** From here on the images are complete. */
    private static final Set<FaultPoint> COMPLETE =
            EnumSet.of(FaultPoint.DUMP_KILL, FaultPoint.DUMP_STATS);

    /** And the tree is gone, unless it was to run on. */
    private static final Set<FaultPoint> ENDED = EnumSet.of(FaultPoint.DUMP_STATS);

    @TempDir private static Path scratch;
    private static Path program;

    /** The tree under test, or null while there is none; one serves many tests. */
    private static LiveTarget patient;

    /** Every pid and tid of the tree, and the group whose leader has ended. */
    private static List<Integer> ids;

    /** A dump of the tree, which is gone. */
    private static Path dumped;

    private String before;

    @BeforeAll
    static void prepare() {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        program = CCompiler.testee("patient", scratch);
    }

    @BeforeEach
    void startPatient() throws IOException {
        if (patient != null && (patient.alive() ? !whole() : dumped == null)) {
            killTree(); // an earlier test has failed
        }
        if (patient == null) {
            dumped = null;
            patient = LiveTarget.start(program, scratch, "patient", "");
            ids = idsOfTree();
        }
        if (patient.alive()) {
            dumped = null;
            before = snapshot();
        }
    }

    private static boolean whole() {
        return patient.word(WRONG) == 0
                && "XZ".indexOf(LiveTarget.state((int) patient.word(7))) < 0
                && "XZ".indexOf(LiveTarget.state((int) patient.word(9))) < 0;
    }

    @AfterAll
    static void endPatient() {
        killTree();
    }

    private static void killTree() {
        if (patient != null) {
            patient.close();
            for (int word : new int[] {7, 9}) {
                LiveTarget.kill((int) patient.word(word), "KILL");
            }
            awaitNothingLeft();
            patient = null;
        }
    }

    private static List<Integer> idsOfTree() throws IOException {
        List<Integer> all = new ArrayList<>();
        try (Stream<Path> threads = Files.list(Path.of("/proc/" + patient.pid() + "/task"))) {
            threads.forEach(path -> all.add(Integer.parseInt(path.getFileName().toString())));
        }
        for (int word = 7; word <= 9; word++) {
            all.add((int) patient.word(word));
        }
        String stat = Files.readString(Path.of("/proc/" + patient.word(9) + "/stat"));
        all.add(Integer.parseInt(stat.substring(stat.lastIndexOf(')') + 2).split(" ")[2]));
        return all;
    }

    private static void awaitNothingLeft() {
        for (int id : ids) {
            LiveTarget.await("the end of " + id, () -> LiveTarget.state(id) == 'X');
        }
    }

    /** All that can be seen from outside and must not change. */
    private static String snapshot() {
        StringBuilder text = new StringBuilder();
        for (int pid : new int[] {patient.pid(), (int) patient.word(7), (int) patient.word(9)}) {
            text.append(
                    LiveTarget.snapshot(pid)
                            .replaceAll("(it_value|ticks):.*\n", "")
                            // the timer's signal, bit 36, comes and goes
                            .replaceAll("(ShdPnd|SigBlk):\t(.{6}).", "$1:\t$2-"));
            try {
                text.append(Files.readString(Path.of("/proc/" + pid + "/timers")));
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }
        return text.append(LiveTarget.state((int) patient.word(8))).toString();
    }

    /** Nothing changed, nobody traces it, every part of it moves, no answer was wrong. */
    private void requireUnharmed() {
        long end = System.currentTimeMillis() + 5_000;
        String now = snapshot();
        while (!now.equals(before) && System.currentTimeMillis() < end) {
            now = snapshot(); // a task may be about to go on
        }
        assertEquals(before, now);
        requireRightAnswers();
    }

    private static void requireRightAnswers() {
        for (int i = 1; i <= COUNTERS; i++) {
            patient.awaitProgress(i);
        }
        byte[] text = new byte[512];
        for (int i = 0; i < text.length; i++) {
            text[i] = (byte) (patient.word(128 + i / 8) >> 8 * (i % 8));
        }
        assertEquals(0, patient.word(WRONG), new String(text, StandardCharsets.ISO_8859_1).strip());
    }

    private static Path images() throws IOException {
        return Files.createTempDirectory(scratch, "images");
    }

    private static List<String> dump(Path images, boolean leaveRunning) {
        List<String> words =
                new ArrayList<>(List.of("dump", "-t", "" + patient.pid(), "-D", images.toString()));
        if (leaveRunning) {
            words.add("-R");
        }
        return words;
    }

    private static Outcome run(List<String> words) {
        return Launcher.jcriu(words.toArray(new String[0]));
    }

    private static Outcome run(FaultPoint point, String kind, List<String> words) {
        return Launcher.jcriu(
                Launcher.with("-Djcriu.fault=" + point + ":" + kind), words.toArray(new String[0]));
    }

    private static void requireEmpty(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(), files.toList());
        }
    }

    private static boolean complete(Path images) {
        return Files.exists(images.resolve("inventory.img"));
    }

    private static List<String> restore(Path images) {
        return List.of("restore", "-d", "-D", images.toString());
    }

    private static Stream<FaultPoint> points(String action) {
        return Arrays.stream(FaultPoint.values())
                .filter(point -> point.toString().startsWith(action + "."));
    }

    static Stream<FaultPoint> ofDump() {
        return points("dump");
    }

    /** Up to the pages it makes no difference whether the tree runs on. */
    static Stream<FaultPoint> ofDumpThatEnds() {
        return ofDump().filter(
                        point ->
                                point == FaultPoint.DUMP_REHEARSE
                                        || point == FaultPoint.DUMP_FREEZE
                                        || point.compareTo(FaultPoint.DUMP_PAGES) >= 0)
                .filter(point -> point != FaultPoint.DUMP_THAW);
    }

    static Stream<FaultPoint> ofPreDump() {
        return points("predump");
    }

    static Stream<FaultPoint> ofTracker() {
        return points("track");
    }

    static Stream<FaultPoint> ofRestore() {
        return points("restore");
    }

    @Test
    void shouldRunThroughAllPoints() {
        assertEquals(
                FaultPoint.values().length,
                ofDump().count()
                        + ofPreDump().count()
                        + ofTracker().count()
                        + ofRestore().count()
                        + points("dedup").count()); // DedupIT
    }

    @ParameterizedTest
    @MethodSource("ofDump")
    void shouldSurviveAnErrorOfADumpThatLeavesItRunning(FaultPoint point) throws IOException {
        Path images = images();
        survive(point, images, run(point, "error", dump(images, true)));
        run(dump(images, true)).requireSuccess();
        assertTrue(complete(images));
        requireUnharmed();
    }

    @ParameterizedTest
    @MethodSource("ofDumpThatEnds")
    void shouldSurviveAnErrorOfADump(FaultPoint point) throws IOException {
        Path images = images();
        Outcome outcome = run(point, "error", dump(images, false));
        if (WARNINGS.contains(point)) {
            requireWarning(point, outcome);
        } else {
            survive(point, images, outcome);
            run(dump(images, false)).requireSuccess();
        }
        awaitNothingLeft();
        run(restore(images)).requireSuccess();
        requireRightAnswers();
    }

    @ParameterizedTest
    @MethodSource("ofPreDump")
    void shouldNotTouchTheTreeInAPreDumpThatFails(FaultPoint point) throws IOException {
        Path images = images();
        List<String> preDump =
                List.of("pre-dump", "-t", "" + patient.pid(), "-D", images.toString());
        Outcome outcome = run(point, "error", preDump);
        outcome.requireFailure(IO, "fault injected at " + point);
        assertTrue(outcome.output().contains("target: untouched, running"), outcome.output());
        requireEmpty(images);
        requireUnharmed();
        assertEquals(KILLED, run(point, "kill", preDump).status());
        assertEquals(false, complete(images));
        requireUnharmed();
        run(preDump).requireSuccess();
        assertTrue(complete(images));
        requireUnharmed();
    }

    /** Whatever watches the tree goes with a dump that fails, or with a jcriu that is killed. */
    @ParameterizedTest
    @MethodSource("ofTracker")
    void shouldNotWatchATreeAfterAPreDumpThatFails(FaultPoint point) throws IOException {
        assumeTrue(UffdTracker.works(), "this kernel has no uffd-wp");
        requireRunning();
        Path images = images();
        List<String> preDump =
                List.of(
                        "pre-dump",
                        "--tracker",
                        "uffd-wp",
                        "-t",
                        "" + patient.pid(),
                        "-D",
                        images.toString());
        run(point, "error", preDump).requireFailure(IO, "fault injected at " + point);
        requireEmpty(images);
        awaitUnwatched(patient.pid());
        requireUnharmed();
        assertEquals(KILLED, run(point, "kill", preDump).status());
        awaitUnwatched(patient.pid());
        requireUnharmed();
    }

    private static void awaitUnwatched(int pid) {
        LiveTarget.await(
                "the marks to go from pid " + pid,
                () -> Maps.readSmaps(pid).stream().noneMatch(vma -> vma.has(VmFlag.UW)));
    }

    /** A dump that is cut is refused by name, and the chain before it is as it was. */
    @ParameterizedTest
    @CsvSource({"dump.room", "dump.pages", "dump.inventory", "dump.sync", "dump.rename"})
    void shouldLeaveTheParentsOfADumpThatIsCutAlone(String name) throws IOException {
        requireRunning();
        FaultPoint point =
                points("dump").filter(p -> p.toString().equals(name)).findFirst().orElseThrow();
        Path parent = images();
        Path images = images();
        run(List.of("pre-dump", "-t", "" + patient.pid(), "-D", parent.toString()))
                .requireSuccess();
        Map<String, Integer> contents = contents(parent);
        List<String> dump = new ArrayList<>(dump(images, true));
        dump.addAll(List.of("--track-mem", "--prev-images-dir", parent.toString()));
        assertEquals(KILLED, run(point, "kill", dump).status());
        requireUnharmed();
        assertEquals(contents, contents(parent));
        run(restore(images)).requireFailure(6, images + ": no inventory.img");
        Outcome verified = run(List.of("verify", images.toString()));
        assertEquals(6, verified.status(), verified.output());
        assertTrue(verified.output().contains("no inventory.img"), verified.output());
        run(dump).requireSuccess();
        run(List.of("verify", images.toString())).requireSuccess();
        assertEquals(contents, contents(parent));
        requireUnharmed();
    }

    private static void requireWarning(FaultPoint point, Outcome outcome) {
        outcome.requireSuccess();
        assertTrue(outcome.output().contains("fault injected at " + point), outcome.output());
    }

    private void survive(FaultPoint point, Path images, Outcome outcome) throws IOException {
        if (WARNINGS.contains(point)) {
            requireWarning(point, outcome);
            assertTrue(complete(images));
        } else {
            outcome.requireFailure(IO, "fault injected at " + point);
            assertTrue(
                    outcome.output().matches("(?s).*target: (untouched, running|running on, un).*"),
                    outcome.output());
            requireEmpty(images);
        }
        requireUnharmed();
    }

    @ParameterizedTest
    @MethodSource("ofDump")
    void shouldSurviveTheDeathOfADump(FaultPoint point) throws IOException {
        for (boolean leaveRunning : new boolean[] {true, false}) {
            if (!leaveRunning && point == FaultPoint.DUMP_THAW) {
                continue; // not on this way
            }
            Path images = images();
            String mapped = mapsWithoutScratch();
            Outcome outcome = run(point, "kill", dump(images, leaveRunning));
            assertEquals(KILLED, outcome.status(), outcome.output());
            assertEquals(COMPLETE.contains(point), complete(images));
            if (ENDED.contains(point) && !leaveRunning) {
                awaitNothingLeft();
                run(restore(images)).requireSuccess();
                requireRightAnswers();
            } else if (REMOTE.contains(point)) {
                requireRightAnswers();
                assertEquals(mapped, mapsWithoutScratch());
            } else {
                requireUnharmed();
            }
        }
    }

    private static String mapsWithoutScratch() throws IOException {
        StringBuilder text = new StringBuilder();
        if (patient.alive()) {
            for (int pid :
                    new int[] {patient.pid(), (int) patient.word(7), (int) patient.word(9)}) {
                text.append(Files.readString(Path.of("/proc/" + pid + "/maps")));
            }
        }
        return text.toString().replaceAll("(?m)^\\S+ rwxp 00000000 00:00 0 *\n", "");
    }

    /** A process that jcriu makes must not outlive it. */
    @Test
    void shouldLeaveNoProcessOfARehearsal() throws IOException {
        long seeds = seeds();
        run(FaultPoint.DUMP_REHEARSE, "kill", dump(images(), true));
        LiveTarget.await("the end of the rehearsed process", () -> seeds() <= seeds);
    }

    private static long seeds() {
        try (Stream<Path> all = Files.list(Path.of("/proc"))) {
            return all.filter(path -> path.getFileName().toString().matches("\\d+"))
                    .filter(
                            path -> {
                                try {
                                    return Files.readSymbolicLink(path.resolve("exe"))
                                            .toString()
                                            .contains("jcriu-seed");
                                } catch (IOException e) {
                                    return false; // gone
                                }
                            })
                    .count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private void ensureDumped() throws IOException {
        if (dumped == null) {
            Path images = images();
            run(dump(images, false)).requireSuccess();
            awaitNothingLeft();
            dumped = images;
        }
    }

    private static Map<String, Integer> contents(Path images) throws IOException {
        Map<String, Integer> all = new TreeMap<>();
        try (Stream<Path> files = Files.list(images)) {
            for (Path file : files.toList()) {
                if (!file.getFileName().toString().startsWith("stats-")) {
                    all.put(
                            file.getFileName().toString(),
                            Arrays.hashCode(Files.readAllBytes(file)));
                }
            }
        }
        return all;
    }

    private static void killRestored() {
        LiveTarget.kill(patient.pid(), "KILL");
        LiveTarget.kill((int) patient.word(7), "KILL");
        LiveTarget.kill((int) patient.word(9), "KILL");
        awaitNothingLeft();
    }

    @ParameterizedTest
    @MethodSource("ofRestore")
    void shouldLeaveNothingOfAFailedRestore(FaultPoint point) throws IOException {
        ensureDumped();
        Map<String, Integer> contents = contents(dumped);
        for (String kind : List.of("kill", "error")) {
            Path pidFile = images().resolve("pid");
            List<String> words = new ArrayList<>(restore(dumped));
            words.addAll(List.of("--pidfile", pidFile.toString()));
            Outcome outcome = run(point, kind, words);
            if (kind.equals("kill")) {
                assertEquals(KILLED, outcome.status(), outcome.output());
            } else {
                outcome.requireFailure(IO, "fault injected at " + point);
            }
            if (point == FaultPoint.RESTORE_RELEASE) {
                requireRightAnswers();
                killRestored();
            } else {
                awaitNothingLeft();
                assertTrue(kind.equals("kill") || !Files.exists(pidFile), "a pid file is left");
            }
            assertEquals(contents, contents(dumped));
        }
        run(restore(dumped)).requireSuccess();
        requireRightAnswers();
        killRestored();
    }

    private static void delayed(
            FaultPoint point, List<String> words, String what, Runnable meanwhile)
            throws IOException {
        Path output = Files.createTempFile(scratch, "run", ".txt");
        Path over = output.resolveSibling(output.getFileName() + ".over");
        List<String> command =
                new ArrayList<>(
                        Launcher.with(
                                "-Djcriu.fault=" + point + ":delay=" + over, Launcher.SCRIPT));
        command.addAll(words);
        Process process = Launcher.start(command, output);
        try {
            LiveTarget.await(
                    "the freeze",
                    () ->
                            !LiveTarget.snapshot(patient.pid()).contains("TracerPid:\t0")
                                    && LiveTarget.state(patient.pid()) == 't');
            LiveTarget.pause(100);
            meanwhile.run();
            Files.createFile(over);
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "jcriu did not end");
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        String text = Files.readString(output);
        assertTrue(text.contains(what), text);
    }

    @Test
    void shouldRefuseASecondDumpMeanwhile() throws IOException {
        requireRunning();
        Path images = images();
        Path other = images();
        delayed(
                FaultPoint.DUMP_FREEZE,
                dump(images, true),
                "",
                () -> {
                    run(dump(other, true)).requireFailure(3, "is already traced by process");
                    requireOneDumpAtATime(images);
                });
        assertTrue(complete(images));
        requireEmpty(other);
        requireUnharmed();
        run(List.of("verify", images.toString())).requireSuccess();
    }

    /** Nor may another tree go into the directory of a dump that is being made. */
    private static void requireOneDumpAtATime(Path images) {
        String busy = images + " is in use by process ";
        try (LiveTarget stranger =
                LiveTarget.start(CCompiler.testee("target", scratch), scratch, "count", "")) {
            for (String verb : new String[] {"dump", "pre-dump"}) {
                Outcome outcome =
                        run(List.of(verb, "-t", "" + stranger.pid(), "-D", images.toString()));
                outcome.requireFailure(3, busy);
                assertTrue(
                        outcome.output().contains(", jcriu dump\ntarget: untouched, running"),
                        outcome.output());
            }
            stranger.awaitProgress(1);
        }
    }

    /** The next test needs a running patient: some leave it in images only. */
    private void requireRunning() throws IOException {
        if (!patient.alive()) {
            run(restore(dumped)).requireSuccess();
            dumped = null;
            requireRightAnswers();
            before = snapshot();
        }
    }

    @ParameterizedTest
    @CsvSource({"dump.freeze", "dump.ask", "dump.describe", "dump.pages", "dump.inventory"})
    void shouldNoticeASignalAtAnyStep(String name) throws IOException {
        requireRunning();
        FaultPoint point =
                points("dump").filter(p -> p.toString().equals(name)).findFirst().orElseThrow();
        Path images = images();
        int tracee = patient.pid();
        delayed(
                point,
                dump(images, false),
                "interrupted by a signal\ntarget: running on, unchanged",
                () -> {
                    LiveTarget.kill(tracer(tracee), "TERM");
                    LiveTarget.pause(1_000); // for the thread that takes it
                });
        requireEmpty(images);
        requireUnharmed();
    }

    private static int tracer(int pid) {
        try {
            String line =
                    Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                            .filter(text -> text.startsWith("TracerPid:"))
                            .collect(Collectors.joining());
            return Integer.parseInt(line.substring(11));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** The rest goes on: no scratch area, no stopped thread. */
    @ParameterizedTest
    @CsvSource({"dump.freeze", "dump.ask", "dump.gather", "dump.describe"})
    void shouldLetTheRestGoWhenATaskIsKilledMeanwhile(String name) throws IOException {
        requireRunning();
        FaultPoint point =
                points("dump").filter(p -> p.toString().equals(name)).findFirst().orElseThrow();
        Path images = images();
        int answerer = (int) patient.word(7);
        String left = LiveTarget.snapshot(answerer);
        delayed(
                point,
                dump(images, true),
                "target: the rest of the tree runs on, unchanged",
                () -> LiveTarget.kill((int) patient.word(9), "KILL"));
        requireEmpty(images);
        patient.awaitProgress(1);
        patient.awaitProgress(2);
        assertEquals(left, LiveTarget.snapshot(answerer));
        killTree();
    }

    /**
     * A shell that was looked at, and is about to be stopped, goes on first: how, and what comes.
     */
    @ParameterizedTest
    @CsvSource({
        "dump.room, exec sleep 1000, 0",
        "dump.room, sleep 1000 & wait, 0",
        "dump.room, exit 3, 5",
        "dump.seize, killed, 5"
    })
    void shouldFreezeWhateverATaskDoesMeanwhile(String point, String what, int status)
            throws IOException, InterruptedException {
        Path images = images();
        Path output = Files.createTempFile(scratch, "run", ".txt");
        Path over = output.resolveSibling(output.getFileName() + ".over");
        Path gate = output.resolveSibling(output.getFileName() + ".gate");
        CCompiler.run(List.of("mkfifo", gate.toString()));
        int pid = LiveTarget.detached("sh -c 'read x < " + gate + "; " + what + "'");
        try {
            Process process =
                    Launcher.start(
                            Launcher.with(
                                    "-Djcriu.fault=" + point + ":delay=" + over,
                                    Launcher.SCRIPT,
                                    "dump",
                                    "-R",
                                    "-t",
                                    "" + pid,
                                    "-D",
                                    images.toString()),
                            output);
            if (what.equals("killed")) {
                LiveTarget.await("the freeze", () -> tracer(pid) != 0);
                LiveTarget.kill(pid, "KILL");
            } else {
                LiveTarget.await("room", () -> Files.exists(images.resolve("pages-1.img")));
                String before = did(pid);
                CCompiler.run(List.of("sh", "-c", "echo >" + gate));
                LiveTarget.await("what it does", () -> !did(pid).equals(before));
            }
            Files.createFile(over);
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "jcriu did not end");
            Outcome outcome = new Outcome(process.exitValue(), Files.readString(output));
            if (status == 0) {
                outcome.requireSuccess();
                assertTrue(complete(images));
                assertEquals(0, tracer(pid));
                assertEquals('S', LiveTarget.state(pid));
            } else {
                outcome.requireFailure(status, "" + pid);
                requireEmpty(images);
            }
        } finally {
            LiveTarget.kill(-pid, "KILL");
        }
    }

    /** Its program, and its children; nothing when it has ended. */
    private static String did(int pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/comm"))
                    + Files.readString(Path.of("/proc/" + pid + "/task/" + pid + "/children"))
                    + (LiveTarget.state(pid) == 'Z');
        } catch (IOException e) {
            return "";
        }
    }

    @ParameterizedTest
    @CsvSource({"nr_inodes=2", "nr_inodes=12", "nr_inodes=24", "size=64k", "size=256k"})
    void shouldSurviveAFullDisk(String options) throws IOException {
        requireRunning();
        Path images = images();
        Outcome mount =
                Launcher.run(
                        List.of("mount", "-t", "tmpfs", "-o", options, "full", images.toString()));
        assumeTrue(mount.status() == 0, "no tmpfs can be mounted: " + mount.output());
        try {
            Outcome outcome = run(dump(images, false));
            outcome.requireFailure(IO, images + "/");
            requireEmpty(images);
        } finally {
            CCompiler.run(List.of("umount", images.toString()));
        }
        requireUnharmed();
    }

    @Test
    void shouldLeaveNothingWhereAFileIsMissing() throws IOException {
        ensureDumped();
        Path away = program.resolveSibling("away");
        Files.move(program, away);
        try {
            run(restore(dumped)).requireFailure(8, program.toString());
            awaitNothingLeft();
        } finally {
            Files.move(away, program);
        }
    }

    /** A thread in vfork(2) does not stop, and its child is in no hurry. */
    @Test
    void shouldGiveUpAFreezeThatTakesTooLong() throws IOException, InterruptedException {
        Path images = images();
        Path output = Files.createTempFile(scratch, "run", ".txt");
        Path over = output.resolveSibling(output.getFileName() + ".over");
        try (LiveTarget target =
                LiveTarget.start(CCompiler.testee("target", scratch), scratch, "vfork", "")) {
            Process process =
                    Launcher.start(
                            Launcher.with(
                                    "-Djcriu.fault=dump.room:delay=" + over,
                                    Launcher.SCRIPT,
                                    "dump",
                                    "--timeout",
                                    "1",
                                    "-t",
                                    "" + target.pid(),
                                    "-D",
                                    images.toString()),
                            output);
            LiveTarget.await("room", () -> Files.exists(images.resolve("pages-1.img")));
            LiveTarget.kill(target.pid(), "USR2");
            LiveTarget.await("the vfork", () -> target.word(6) != 0);
            LiveTarget.await("the wait", () -> LiveTarget.state(target.pid()) == 'D');
            String before = target.snapshot();
            Files.createFile(over);
            assertTrue(process.waitFor(180, TimeUnit.SECONDS), "the dump does not end");
            new Outcome(process.exitValue(), Files.readString(output))
                    .requireFailure(3, "task " + target.pid() + " did not stop in time (state D)");
            assertTrue(Files.readString(output).contains("target: running on, unchanged"));
            requireEmpty(images);
            assertEquals(before, target.snapshot());
            target.awaitProgress(1);
            LiveTarget.kill((int) target.word(6), "USR2");
            LiveTarget.await("the end of the child", () -> target.word(7) == 1);
            run(List.of("dump", "-R", "-t", "" + target.pid(), "-D", images.toString()))
                    .requireSuccess();
        }
    }
}
