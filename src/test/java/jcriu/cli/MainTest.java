package jcriu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import jcriu.errors.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class MainTest {
    @TempDir Path dir;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();

    /** Runs a line in which DIR is the test's directory. */
    private int run(String line) {
        return Main.run(
                line.replace("DIR", dir.toString()).split(" "),
                new ConfigFiles.Places(dir, null, null),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
    }

    private String err() {
        return err.toString(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "--version                              | 0 | ''",
                "dump --help                            | 0 | ''",
                "-o log                                 | 2 | no action given",
                "frob                                   | 2 | unknown action frob",
                "dump                                   | 2 | needs the pid of the root task",
                "dump -t x                              | 2 | --tree: not a number: x",
                "dump -t -1                             | 2 | --tree: not a pid: -1",
                "dump 5 -D DIR                          | 2 | dump takes no argument: 5",
                "dump -t 1 -D DIR --ghost-limit 1T      | 2 | --ghost-limit: not a size: 1T",
                "dump -t 1 -D DIR --timeout -1          | 2 | --timeout: less than 0",
                "restore -D DIR --exec-cmd              | 2 | --exec-cmd needs a command",
                "restore -D DIR --inherit-fd 3:x        | 2 | not of the form fd[N]:RES: 3:x",
                "check --feature frob                   | 2 | unknown feature frob",
                "check --feature autofs                 | 3 | feature autofs: not probed: jcriu does",
                "check --feature mnt_id                 | 0 | ''",
                "check --feature mnt_id --feature nsid  | 3 | feature nsid: not probed: jcriu does",
                "dump -t 1 -D DIR/no                    | 3 | images directory DIR/no does not exist",
                "dump -t 1 -D DIR/no -o log             | 3 | images directory DIR/no does not exist",
                "dump -t 1 -D DIR -W DIR/no             | 3 | work directory DIR/no does not exist",
                "restore -D /dev/null                   | 3 | images directory /dev/null is not a",
                "restore -D DIR --pidfile .             | 3 | exists already",
                "restore -D DIR --config /nonexistent   | 3 | configuration file /nonexistent",
                "pre-dump -D DIR                        | 2 | pre-dump needs the pid of the root task",
                "pre-dump -t 1 -D DIR --leave-stopped   | 2 | pre-dump stops nobody",
                "pre-dump -t 1 -D DIR --pre-dump-mode x | 2 | not splice or read: x",
                "dump -t 1 -D DIR --tracker x           | 2 | not auto, soft-dirty, uffd-wp or digest: x",
                "swrk 3                                 | 4 | action swrk is not built yet",
                "dump -t 1 -D DIR --lazy-pages          | 4 | option --lazy-pages is not built yet",
                "dump -t 1 -D DIR --cpu-cap=cpu         | 4 | option --cpu-cap is not built yet",
            })
    void shouldEndWithTheCodeOfItsFailure(String line, int code, String message) {
        assertEquals(code, run(line), this::err);
        if (code == 0) {
            assertEquals("", err());
        } else {
            assertTrue(err().startsWith("Error: "), err());
            assertTrue(err().contains(message.replace("DIR", dir.toString())), err());
        }
        assertFalse(err().contains("\tat "), err());
    }

    @Test
    void shouldRefuseToDumpIntoADirectoryThatIsNotWritable() throws IOException {
        Files.setPosixFilePermissions(dir, PosixFilePermissions.fromString("r-xr-xr-x"));
        assumeFalse(Files.isWritable(dir), "root may write everywhere");
        assertEquals(3, run("dump -t 1 -D DIR"));
        assertTrue(err().contains("images directory " + dir + " is not writable"), err());
    }

    @Test
    void shouldNotWriteItsLogThroughALinkOfAnotherUser() throws IOException {
        Path other = Files.writeString(dir.resolve("other"), "content");
        Path link = Files.createSymbolicLink(dir.resolve("log"), other);
        run("dump -t x -D DIR -o log");
        assertTrue(Files.readString(other).startsWith("Error"), "our own link is followed");
        assumeTrue((Integer) Files.getAttribute(other, "unix:uid") == 0, "only root gives away");
        Files.writeString(other, "content");
        Files.setAttribute(link, "unix:uid", 1001, LinkOption.NOFOLLOW_LINKS);
        assertEquals(3, run("dump -t 1 -D DIR -o log"));
        assertTrue(err().contains("log cannot be written: it is a link of user 1001"), err());
        assertEquals("content", Files.readString(other));
    }

    @Test
    void shouldPrintTheVersionOnALineOfItsOwn() {
        run("-V");
        assertTrue(out.toString(StandardCharsets.UTF_8).matches("Version: \\d+\\.\\d.*\n"));
    }

    @Test
    void shouldListEveryExitCodeInTheHelp() {
        run("--help");
        for (Kind kind : Kind.values()) {
            String line = kind.exitCode() + "  " + kind.description() + "\n";
            assertTrue(out.toString(StandardCharsets.UTF_8).contains(line), line);
        }
    }

    @Test
    void shouldPrintAllThreePartsOfAnError() {
        run("dump -t 1 -D DIR/no");
        assertEquals(
                "Error: images directory "
                        + dir
                        + "/no does not exist\ntarget: untouched\n"
                        + "next:   create it, or name another with -D\n",
                err());
    }

    @ParameterizedTest
    @CsvSource({
        "dump -D DIR -o log --frobnicate",
        "dump -D DIR -o log -t x",
        "dump -t x -D DIR -o log",
        "dump -D DIR -o log",
        "frob -D DIR -o log",
        "page-server -D DIR -o log",
        "dump -t 1 -D DIR -o log --stream",
        "restore -D /nonexistent -W DIR -o log",
        "restore -D DIR -o log --config /nonexistent",
    })
    void shouldLeaveALogWithTheErrorWhenItFails(String line) throws IOException {
        Files.writeString(dir.resolve("log"), "what an earlier call left, Error and all\n");
        assertTrue(run(line) != 0);
        String log = Files.readString(dir.resolve("log"));
        assertTrue(log.startsWith("Error (cli): "), log);
        assertFalse(log.contains("earlier"), log);
        assertTrue(err().startsWith("Error: "), err());
    }

    @Test
    void shouldPutTheLogIntoTheWorkDirectory() throws IOException {
        Path work = Files.createDirectory(dir.resolve("work"));
        run("check -D DIR -W DIR/work -o log");
        assertTrue(Files.exists(work.resolve("log")));
        assertFalse(Files.exists(dir.resolve("log")));
    }

    @Test
    void shouldNoteOptionsWithoutEffectFromLevelThree() throws IOException {
        run("check -D DIR -o quiet -v2 --tcp-close");
        run("check -D DIR -o loud -v3 --tcp-close --no-lazy-pages");
        assertFalse(Files.readString(dir.resolve("quiet")).contains("tcp-close"));
        String loud = Files.readString(dir.resolve("loud"));
        String note = "(?s)\\(\\d\\d\\.\\d{6}\\) \\(cli\\): option --tcp-close has no effect\n.*";
        assertTrue(loud.matches(note), loud);
    }

    @Test
    void shouldPrintTheStackOnlyWhenAskedTo() throws IOException {
        run("frob -D DIR -o quiet");
        run("frob -D DIR -o loud -v4");
        assertFalse(Files.readString(dir.resolve("quiet")).contains("\tat jcriu.cli.Main"));
        assertTrue(Files.readString(dir.resolve("loud")).contains("\tat jcriu.cli.Main"));
        assertFalse(err().contains("\tat "), err());
    }

    @Test
    void shouldWriteErrorAndWarnIntoTheirLines() throws IOException {
        Path file = dir.resolve("log");
        LogSink.open(file, 2);
        LogSink.line(LogSink.ERROR, "dump", "first", new IllegalStateException("cause"));
        LogSink.line(LogSink.WARN, "dump", "second", null);
        LogSink.line(LogSink.INFO, "dump", "third", null);
        LogSink.close();
        assertEquals(
                "Error (dump): first\n"
                        + "  java.lang.IllegalStateException: cause\n"
                        + "Warn  (dump): second\n",
                Files.readString(file));
        LogSink.open(file, 0);
        LogSink.line(LogSink.ERROR, "dump", "first", null);
        LogSink.line(LogSink.WARN, "dump", "second", null);
        LogSink.close();
        assertEquals("Error (dump): first\n", Files.readString(file));
    }

    @Test
    void shouldLogThroughLogbackIntoTheSameFile() throws IOException {
        Path file = dir.resolve("log");
        LogSink.open(file, 3);
        LogProvider provider = new LogProvider();
        provider.initialize();
        org.slf4j.Logger log = provider.getLoggerFactory().getLogger("jcriu.dump.Dumper");
        log.error("pid {} is gone", 7);
        log.warn("slow");
        log.info("frozen");
        log.debug("not at this level");
        LogSink.close();
        String time = "\\(\\d\\d\\.\\d{6}\\) ";
        String lines =
                time
                        + "Error \\(dump\\): pid 7 is gone\n"
                        + time
                        + "Warn  \\(dump\\): slow\n"
                        + time
                        + "\\(dump\\): frozen\n";
        String text = Files.readString(file);
        assertTrue(text.matches(lines), text);
    }

    @ParameterizedTest
    @CsvSource({"0, 0", "4096, 4096", "3K, 3072", "1m, 1048576", "2G, 2147483648"})
    void shouldReadSizes(String text, long bytes) {
        assertEquals(bytes, Requests.sizeBytes("--ghost-limit", text));
    }
}
