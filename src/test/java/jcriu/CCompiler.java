package jcriu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The C compiler of this machine, for probes and testees. Without one a test is skipped. */
public final class CCompiler {
    private static final long SECONDS = 60;

    private CCompiler() {}

    /** Skips the calling test where there is no compiler. */
    public static void require() {
        boolean found = false;
        for (String directory : System.getenv("PATH").split(":")) {
            found |= Files.isExecutable(Path.of(directory, "gcc"));
        }
        assumeTrue(found, "no gcc in PATH: what is written in C cannot be compiled");
    }

    /** Compiles a source of {@code src/test/c}, given without {@code .c}; the program. */
    public static Path testee(String name, Path directory) {
        return compile(Path.of("src/test/c", name + ".c"), directory.resolve(name));
    }

    /** Compiles a source; the program. */
    public static Path compile(Path source, Path program, String... options) {
        require();
        List<String> command = new ArrayList<>(List.of("gcc", "-O1", "-pthread"));
        command.addAll(List.of(options));
        command.addAll(List.of("-o", program.toString(), source.toString()));
        run(command);
        return program;
    }

    /** Runs a program to its end, which must be a good one; what it printed. */
    public static String run(List<String> command) {
        try {
            Path output = Files.createTempFile("jcriu-c", ".txt");
            try {
                Process process =
                        new ProcessBuilder(command)
                                .redirectErrorStream(true)
                                .redirectOutput(output.toFile())
                                .start();
                boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
                String text = Files.readString(output, StandardCharsets.UTF_8);
                if (!ended) {
                    process.destroyForcibly();
                    throw new AssertionError(command + " did not end: " + text);
                }
                assertEquals(0, process.exitValue(), command + ": " + text);
                return text;
            } finally {
                Files.delete(output);
            }
        } catch (IOException e) {
            throw new AssertionError(command.toString(), e);
        } catch (InterruptedException e) {
            throw new AssertionError("interrupted", e);
        }
    }
}
