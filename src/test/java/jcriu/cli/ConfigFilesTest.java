package jcriu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import jcriu.errors.EnvironmentException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ConfigFilesTest {
    @TempDir Path dir;
    private Path etc;
    private Path home;

    @BeforeEach
    void makePlaces() {
        etc = dir.resolve("etc");
        home = dir.resolve("home");
    }

    private static Path write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        return Files.writeString(file, text);
    }

    /** The words for picocli, without the final "--". */
    private List<String> read(String environment, String... words) {
        GetoptArguments commandLine = new GetoptArguments().parse(words);
        List<String> all =
                ConfigFiles.read(commandLine, new ConfigFiles.Places(etc, home, environment))
                        .canonical();
        return all.subList(0, all.size() - 1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '!',
            value = {
                "tree 5                | tree,5",
                "shell-job             | shell-job",
                "# a comment           | !!",
                "tree 5 # a comment    | tree,5",
                "external \"a b\"      | external,a b",
                "external 'a # b'      | external,a # b",
                "external \"a \\\" b\" | external,a \" b",
                "external fd#3         | external,fd#3",
            })
    void shouldPartALineIntoWords(String line, String words) {
        List<String> expected = words.isEmpty() ? List.of() : Arrays.asList(words.split(","));
        assertEquals(expected, ConfigFiles.words(line));
    }

    @Test
    void shouldReadTheFilesInOrder() throws IOException {
        write(etc.resolve("jcriu/default.conf"), "external 1\n");
        write(home.resolve(".jcriu/default.conf"), "external 2\n");
        write(etc.resolve("criu/default.conf"), "external 3\n");
        write(home.resolve(".criu/default.conf"), "external 4");
        Path environment = write(dir.resolve("env"), "external 5");
        Path named = write(dir.resolve("named"), "\n# x\nexternal=6\nno-shell-job\n");
        assertEquals(
                List.of(
                        "--external=1",
                        "--external=2",
                        "--external=3",
                        "--external=4",
                        "--external=5",
                        "--external=6",
                        "--no-shell-job"),
                read(environment.toString(), "dump", "--config", named.toString()));
        assertEquals(List.of(), read(null, "dump", "--no-default-config"));
    }

    @Test
    void shouldLetTheCommandLineWin() throws IOException {
        Path named =
                write(dir.resolve("named"), "images-dir /nonexistent\nverbosity 4\nshell-job\n");
        Main.run(
                new String[] {"dump", "-t", "1", "-D", dir.toString(), "-o", "log", "-v0"},
                new ConfigFiles.Places(etc, home, named.toString()),
                System.out,
                new java.io.PrintStream(new java.io.ByteArrayOutputStream(), true));
        assertTrue(Files.exists(dir.resolve("log")));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "frobnicate  | line 2: unknown option --frobnicate",
                "tree        | line 2: option tree needs a value",
                "tree 5 6    | line 2: more than one value",
                "shell-job 1 | line 2: option shell-job takes no value",
                "config x    | line 2: option config means nothing in a file",
                "tree '5     | line 2: a quote is not closed",
            })
    void shouldNameFileAndLineOfAnError(String line, String message) throws IOException {
        Path file = write(dir.resolve("bad"), "# first\n" + line + "\n");
        UsageException failure =
                assertThrows(UsageException.class, () -> read(null, "--config=" + file));
        assertTrue(failure.what().contains(file + ", " + message), failure.what());
    }

    @Test
    void shouldRefuseAMissingNamedFile() {
        assertThrows(EnvironmentException.class, () -> read(null, "--config", "/nonexistent/x"));
    }
}
