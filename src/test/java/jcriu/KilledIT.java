package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** SIGKILL of jcriu while it holds a target: the target goes on, with everything as it was. */
@Tag("live")
class KilledIT {
    private static final int ROUNDS = Integer.getInteger("jcriu.killed.rounds", 3);
    private static final int THREADS = 12;

    /** Of the scratch area that stays behind, and of what grows by it. */
    private static final String SCRATCH = "(?m)^[^\\n]* rwxp 00000000 00:00 0 *\\n|^.*VmSize.*\\n";

    @TempDir private static Path scratch;
    private static Path program;

    @BeforeAll
    static void prepare() {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump needs root");
        program = CCompiler.testee("steady", scratch);
    }

    private static LiveTarget start(String more) throws IOException {
        return LiveTarget.start(program, scratch, "", THREADS + " " + more);
    }

    private static String snapshot(LiveTarget target) {
        String text = target.snapshot().replaceAll(SCRATCH, "");
        // the field of stat(5) that holds VmSize
        StringBuilder out = new StringBuilder();
        for (String line : text.split("\n")) {
            String[] words = line.split(" ");
            if (words.length > 40 && words[0].length() == 1) {
                words[20] = "-";
                line = String.join(" ", words);
            }
            out.append(line).append('\n');
        }
        return out.toString();
    }

    private static boolean moves(LiveTarget target, int counter) {
        long before = target.word(counter);
        for (int i = 0; i < 1000 && target.word(counter) == before; i++) {
            LiveTarget.pause(5);
        }
        return target.word(counter) != before;
    }

    /** The first line that differs, or nothing. */
    private static String difference(String before, String after) {
        String[] one = before.split("\n");
        String[] two = after.split("\n");
        for (int i = 0; i < Math.max(one.length, two.length); i++) {
            String was = i < one.length ? one[i] : "(end)";
            String is = i < two.length ? two[i] : "(end)";
            if (!was.equals(is)) {
                return was + " has become " + is + "\n";
            }
        }
        return "";
    }

    private static void spin(long nanos) {
        long begin = System.nanoTime();
        while (System.nanoTime() - begin < nanos) {
            Thread.onSpinWait();
        }
    }

    /** Waits until the target's first thread is in a ptrace-stop, or jcriu has ended. */
    private static boolean awaitFrozen(LiveTarget target, Process jcriu) {
        while (LiveTarget.state(target.pid()) != 't') {
            if (!jcriu.isAlive()) {
                return false;
            }
        }
        return true;
    }

    private static long awaitThawed(LiveTarget target) {
        long begin = System.nanoTime();
        while (LiveTarget.state(target.pid()) == 't') {
            Thread.onSpinWait();
        }
        return System.nanoTime() - begin;
    }

    private static Process dump(LiveTarget target, Path images, boolean leaveRunning)
            throws IOException {
        List<String> command =
                leaveRunning
                        ? List.of(Launcher.SCRIPT, "dump", "-R", "-t", "" + target.pid(), "-D")
                        : List.of(Launcher.SCRIPT, "dump", "-t", "" + target.pid(), "-D");
        command = new java.util.ArrayList<>(command);
        command.add(images.toString());
        return Launcher.start(command, Files.createTempFile(scratch, "run", ".txt"));
    }

    @ParameterizedTest
    @CsvSource({"true, ''", "false, ''", "true, all"})
    void shouldLeaveTheTargetAsItWas(boolean leaveRunning, String more)
            throws IOException, InterruptedException {
        long frozen;
        try (LiveTarget target = start(more)) {
            Path images = Files.createTempDirectory(scratch, "images");
            Process jcriu = dump(target, images, true);
            assertTrue(awaitFrozen(target, jcriu), "no freeze was seen");
            frozen = awaitThawed(target);
            assertEquals(0, jcriu.waitFor());
        }
        Random random = new Random();
        int killed = 0;
        int inside = 0;
        int died = 0;
        StringBuilder harm = new StringBuilder();
        for (int i = 0; i < ROUNDS; i++) {
            try (LiveTarget target = start(more)) {
                // all threads have come to their loops, and have their memory
                for (int n = 1; n < 8 + THREADS + 3; n += n == 1 ? 7 : 1) {
                    assertTrue(moves(target, n), "counter " + n + " does not start");
                }
                LiveTarget.pause(100);
                String before = snapshot(target);
                Path images = Files.createTempDirectory(scratch, "images");
                Process jcriu = dump(target, images, leaveRunning);
                if (!awaitFrozen(target, jcriu)) {
                    continue;
                }
                long delay = (long) (random.nextDouble() * frozen);
                spin(delay);
                jcriu.destroyForcibly();
                assertTrue(jcriu.waitFor(60, TimeUnit.SECONDS), "jcriu did not end");
                if (Files.exists(images.resolve("inventory.img"))) {
                    continue; // too late: the dump is complete
                }
                killed++;
                LiveTarget.pause(20);
                if (!target.alive()) {
                    died++;
                    continue;
                }
                StringBuilder still = new StringBuilder();
                for (int n = 1; n < 8 + THREADS + 3; n += n == 1 ? 7 : 1) {
                    if (!moves(target, n)) {
                        still.append("counter ").append(n).append(" stands still\n");
                    }
                }
                if (!target.alive()) { // a thread that waits for a processor dies late
                    died++;
                    continue;
                }
                harm.append(still);
                if (target.snapshot().contains(" rwxp 00000000 00:00 0 ")) {
                    inside++;
                }
                if (target.word(2) != 0) {
                    harm.append("wrong: ").append(target.word(2)).append('\n');
                }
                harm.append(difference(before, snapshot(target)));
                // nothing that is left hinders the next dump
                if (i == 0) {
                    Path next = Files.createTempDirectory(scratch, "images");
                    jcriu("dump", "-R", "-t", "" + target.pid(), "-D", next.toString())
                            .requireSuccess();
                    target.awaitProgress(8);
                    assertEquals(0, target.word(2), "what steady.c says is wrong");
                }
            }
        }
        System.out.printf(
                "killed in the freeze: %d of %d, %d of these with a scratch area, %d died;"
                        + " freeze %d us%n",
                killed, ROUNDS, inside, died, frozen / 1000);
        assertTrue(killed > 0, "no freeze was hit");
        assertEquals("", harm.toString());
        assertEquals(0, died, died + " of " + killed + " died");
    }
}
