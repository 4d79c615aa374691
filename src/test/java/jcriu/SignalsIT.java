package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Signals to jcriu itself: it undoes what it did and ends with an exit code. */
@Tag("live")
class SignalsIT {
    private static final int INTERRUPTED = 9;
    private static final int ROUNDS = 6;

    @TempDir private static Path scratch;
    private static Path program;

    @BeforeAll
    static void prepare() {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        program = CCompiler.testee("target", scratch);
    }

    /** Who starts the tests in the background has SIGINT ignored, and it would stay so. */
    private static final List<String> LISTENING =
            List.of("env", "--default-signal", Launcher.SCRIPT);

    private record Run(int status, String output, long ms) {}

    /** Runs jcriu and sends it a signal after a while; a negative delay: none. */
    private static Run run(String signal, long delayMs, String... words)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(LISTENING);
        command.addAll(List.of(words));
        Path output = Files.createTempFile(scratch, "run", ".txt");
        long begin = System.nanoTime();
        Process process = Launcher.start(command, output);
        if (delayMs >= 0) {
            LiveTarget.pause(delayMs);
            LiveTarget.kill((int) process.pid(), signal);
        }
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "jcriu did not end");
        return new Run(
                process.exitValue(),
                Files.readString(output),
                (System.nanoTime() - begin) / 1_000_000);
    }

    /**
     * A JVM that is younger than its first Java method dies by the signal; nothing was done yet.
     * One that is about as old may still say so.
     */
    private static boolean tooEarly(Run run) {
        String words = run.output();
        return run.status() >= 128 && (words.isEmpty() || words.contains("\ntarget: unchanged\n"))
                || words.contains("during initialization of VM");
    }

    private static void requireInterrupted(Run run) {
        assertEquals(INTERRUPTED, run.status(), run.output());
        assertTrue(run.output().startsWith("Error: interrupted by a signal\ntarget: "));
        assertEquals(3, run.output().strip().split("\n").length, run.output());
    }

    @ParameterizedTest
    @CsvSource({"INT", "TERM", "HUP"})
    void shouldReleaseTheTargetOfADump(String signal) throws IOException, InterruptedException {
        try (LiveTarget target = LiveTarget.start(program, scratch, "memory", "96")) {
            String pid = "" + target.pid();
            Path first = Files.createTempDirectory(scratch, "images");
            long wall = run(signal, -1, "dump", "-R", "-t", pid, "-D", first.toString()).ms();
            String before = target.snapshot();
            int interrupted = 0;
            for (int i = 0; i < ROUNDS; i++) {
                Path images = Files.createTempDirectory(scratch, "images");
                Run run =
                        run(
                                signal,
                                200 + (wall - 200) * i / ROUNDS,
                                "dump",
                                "-R",
                                "-t",
                                pid,
                                "-D",
                                images.toString());
                if (run.status() == 0) {
                    wall = Math.min(wall, run.ms()); // others were at work the first time
                } else if (!tooEarly(run)) {
                    requireInterrupted(run);
                    interrupted++;
                    assertTrue(!Files.exists(images.resolve("pages-1.img")), "images are left");
                }
                target.awaitProgress(1);
                assertEquals(before, target.snapshot());
            }
            assertTrue(interrupted > 0, "no dump was interrupted");
        }
    }

    @ParameterizedTest
    @CsvSource({"INT", "TERM", "HUP"})
    void shouldKillWhatARestoreHasMade(String signal) throws IOException, InterruptedException {
        try (LiveTarget target = LiveTarget.start(program, scratch, "memory", "96")) {
            String pid = "" + target.pid();
            Path images = Files.createTempDirectory(scratch, "images");
            jcriu("dump", "-t", pid, "-D", images.toString()).requireSuccess();
            LiveTarget.await("the end of the target", () -> !target.alive());
            String[] restore = {"restore", "-d", "-D", images.toString()};
            Run whole = run(signal, -1, restore);
            assertEquals(0, whole.status(), whole.output());
            long wall = whole.ms();
            int interrupted = 0;
            for (int i = 0; i < ROUNDS; i++) {
                LiveTarget.kill(target.pid(), "KILL");
                LiveTarget.await("the end of the target", () -> !target.alive());
                Run run = run(signal, 200 + (wall - 200) * i / ROUNDS, restore);
                if (run.status() == 0) {
                    wall = Math.min(wall, run.ms());
                    target.awaitProgress(1);
                } else {
                    if (!tooEarly(run)) {
                        requireInterrupted(run);
                        interrupted++;
                    }
                    assertTrue(!target.alive(), "a process is left");
                }
            }
            assertTrue(interrupted > 0, "no restore was interrupted");
        }
    }

    /** In the foreground jcriu only waits: the tree goes on without it. */
    @ParameterizedTest
    @CsvSource({"INT", "TERM"})
    void shouldLeaveARestoredTreeRunning(String signal) throws IOException, InterruptedException {
        try (LiveTarget target = LiveTarget.start(program, scratch, "count", "")) {
            Path images = Files.createTempDirectory(scratch, "images");
            jcriu("dump", "-t", "" + target.pid(), "-D", images.toString()).requireSuccess();
            LiveTarget.await("the end of the target", () -> !target.alive());
            Path output = Files.createTempFile(scratch, "run", ".txt");
            Process jcriu =
                    Launcher.start(
                            Stream.concat(
                                            LISTENING.stream(),
                                            Stream.of("restore", "-D", images.toString()))
                                    .toList(),
                            output);
            target.awaitProgress(1); // the tree runs, so jcriu waits, or is about to
            LiveTarget.kill((int) jcriu.pid(), signal);
            assertTrue(jcriu.waitFor(60, TimeUnit.SECONDS), "jcriu did not end");
            Run run = new Run(jcriu.exitValue(), Files.readString(output), 0);
            requireInterrupted(run);
            assertTrue(run.output().contains("target: restored, and running on"), run.output());
            target.awaitProgress(1);
        }
    }
}
