package jcriu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Real programs that nobody adapted, some dump/restore cycles each in mid-work; ten with {@code
 * scripts/real-programs} itself.
 *
 * <p>{@code scripts/real-programs} does the work, because a target must not be a child of {@link
 * ProcessBuilder}: the JDK's reaper thread would take its ptrace stops.
 */
@Tag("live")
class RealProgramsIT {
    private static final Path SCRIPT = Path.of("scripts/real-programs").toAbsolutePath();
    private static final String CYCLES = System.getProperty("jcriu.cycles", "3");

    static List<String> programs() throws IOException, InterruptedException {
        return run(List.of(SCRIPT.toString(), "--list"), 1).output().lines().toList();
    }

    @ParameterizedTest
    @MethodSource("programs")
    void shouldEndWithTheRightAnswerAfterCycles(String program)
            throws IOException, InterruptedException {
        assumeTrue(
                "root".equals(System.getProperty("user.name")), "dump and restore need root here");
        Outcome outcome = run(List.of(SCRIPT.toString(), "-c", CYCLES, "-t", program), 10);
        outcome.output()
                .lines()
                .filter(line -> line.startsWith("skip "))
                .findFirst()
                .ifPresent(line -> abort(line));
        assertEquals(0, outcome.status(), outcome.output());
    }

    private record Outcome(int status, String output) {}

    private static Outcome run(List<String> command, int minutes)
            throws IOException, InterruptedException {
        // A file, not a pipe: programs that were left behind must not keep us waiting.
        Path output = Files.createTempFile("jcriu-real-programs", ".txt");
        try {
            Process process =
                    new ProcessBuilder(command)
                            .redirectInput(Path.of("/dev/null").toFile())
                            .redirectErrorStream(true)
                            .redirectOutput(output.toFile())
                            .start();
            boolean ended = process.waitFor(minutes, TimeUnit.MINUTES);
            if (!ended) {
                process.destroy();
                process.waitFor(30, TimeUnit.SECONDS);
            }
            String text = Files.readString(output, StandardCharsets.UTF_8);
            assertTrue(ended, () -> command + " took more than " + minutes + " minutes: " + text);
            return new Outcome(process.exitValue(), text);
        } finally {
            Files.delete(output);
        }
    }
}
