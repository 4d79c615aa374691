package jcriu;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs {@code scripts/jcriu} as a user would. */
final class Launcher {
    static final String SCRIPT = Path.of("scripts/jcriu").toAbsolutePath().toString();
    private static final long SECONDS = 180;

    private Launcher() {}

    record Outcome(int status, String output) {
        /** Exit status, three parts, no stack. */
        void requireFailure(int expected, String what) {
            assertTrue(status == expected, "exit status " + status + ": " + output);
            String[] lines = output.strip().split("\n");
            assertTrue(lines.length == 3, output);
            assertTrue(lines[0].startsWith("Error: "), output);
            assertTrue(lines[0].contains(what), output);
            assertTrue(lines[1].startsWith("target: "), output);
            assertTrue(lines[2].startsWith("next:   "), output);
            assertFalse(output.contains("\tat "), output);
        }

        void requireSuccess() {
            assertTrue(status == 0, "exit status " + status + ": " + output);
        }
    }

    /** A command with one more option for jcriu's virtual machine, beside those of all tests. */
    static List<String> with(String option, String... command) {
        String others = System.getenv().getOrDefault("JCRIU_JAVA_OPTS", "");
        List<String> words = new ArrayList<>();
        words.add("env");
        words.add("JCRIU_JAVA_OPTS=" + others + " " + option);
        words.addAll(List.of(command));
        return words;
    }

    static Outcome jcriu(String... words) {
        return jcriu(List.of(), words);
    }

    /** Runs jcriu behind another command, e.g. setpriv. */
    static Outcome jcriu(List<String> before, String... words) {
        List<String> command = new ArrayList<>(before);
        command.add(SCRIPT);
        command.addAll(List.of(words));
        return run(command);
    }

    static Outcome run(List<String> command) {
        try {
            Path output = Files.createTempFile("jcriu-run", ".txt");
            try {
                Process process = start(command, output);
                boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
                String text = Files.readString(output);
                if (!ended) {
                    process.destroyForcibly();
                    throw new AssertionError(command + " did not end: " + text);
                }
                return new Outcome(process.exitValue(), text);
            } finally {
                Files.delete(output);
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    static Process start(List<String> command, Path output) throws IOException {
        return new ProcessBuilder(command)
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
    }
}
