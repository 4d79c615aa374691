package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcriu.Launcher.Outcome;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What docs/incremental.md tells operators to install, run as it is written there. */
class DocumentedScriptsIT {
    private static final Path DOCUMENT = Path.of("docs/incremental.md");

    @TempDir static Path scratch;

    private static Path program;
    private static String document;
    private Path directory;

    @BeforeAll
    static void prepare() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        program = CCompiler.testee("target", scratch);
        document = Files.readString(DOCUMENT);
    }

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createTempDirectory(scratch, "docs");
        Files.createDirectory(directory.resolve("checkpoints"));
    }

    /** The block of a kind that holds a text. */
    private static String block(String kind, String text) {
        Matcher blocks =
                Pattern.compile("```" + kind + "\n(.*?)```", Pattern.DOTALL).matcher(document);
        List<String> found = new ArrayList<>();
        while (blocks.find()) {
            if (blocks.group(1).contains(text)) {
                found.add(blocks.group(1));
            }
        }
        assertEquals(1, found.size(), "blocks with " + text);
        return found.get(0);
    }

    /** The places of the document are those of this test; nothing else changes. */
    private String here(String text) {
        return text.replace("/usr/local/sbin/", directory + "/")
                .replace("/run/work.pid", directory + "/work.pid")
                .replace("/var/lib/checkpoints", directory + "/checkpoints");
    }

    private Path install(String name, String text) throws IOException {
        Path file = Files.writeString(directory.resolve(name), here(text));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
        return file;
    }

    /** With jcriu on the PATH. */
    private static Outcome shell(String command) {
        String path = Path.of(Launcher.SCRIPT).getParent() + ":/usr/sbin:/usr/bin:/sbin:/bin";
        return Launcher.run(List.of("env", "PATH=" + path, "sh", "-c", command));
    }

    private String cronCommand() {
        Matcher line =
                Pattern.compile("(\\S+ ){5}root (.*)\n").matcher(here(block("cron", "checkpoint")));
        assertTrue(line.matches(), "five fields, a user and a command");
        return line.group(2);
    }

    private List<Path> checkpoints() throws IOException {
        try (var all = Files.list(directory.resolve("checkpoints"))) {
            return all.filter(path -> Files.isDirectory(path) && !Files.isSymbolicLink(path))
                    .sorted()
                    .toList();
        }
    }

    @Test
    void shouldMakeAChainOfCheckpoints() throws IOException {
        install("checkpoint", block("sh", "# checkpoint PIDFILE DIR"));
        String service = here(block("ini", "ExecStart="));
        try (LiveTarget target = LiveTarget.start(program, scratch, "memory", "4")) {
            Files.writeString(directory.resolve("work.pid"), target.pid() + "\n");
            shell(cronCommand()).requireSuccess();
            LiveTarget.pause(1_000); // checkpoints are named by the second
            shell(cronCommand()).requireSuccess();
            String execStart =
                    service.lines()
                            .filter(l -> l.startsWith("ExecStart="))
                            .findFirst()
                            .orElseThrow();
            assertEquals("ExecStart=" + cronCommand(), execStart);
            target.awaitProgress(1);
            List<Path> chain = checkpoints();
            assertEquals(2, chain.size(), "" + chain);
            assertEquals(
                    "../" + chain.get(0).getFileName(),
                    Files.readSymbolicLink(chain.get(1).resolve("parent")).toString());
            Outcome list = jcriu("list", directory.resolve("checkpoints").toString());
            list.requireSuccess();
            assertEquals(
                    2, list.output().lines().filter(l -> l.endsWith("yes")).count(), list.output());
            LiveTarget.kill(target.pid(), "KILL");
            LiveTarget.await("the end of " + target.pid(), () -> !target.alive());
            jcriu("restore", "-d", "-D", directory.resolve("checkpoints/latest").toString())
                    .requireSuccess();
            target.awaitProgress(1);
        }
    }

    @Test
    void shouldNotStartTwoAtATime() throws IOException {
        install("checkpoint", block("sh", "# checkpoint PIDFILE DIR"));
        Files.writeString(directory.resolve("work.pid"), "1\n");
        Path lock = directory.resolve("checkpoints/.lock");
        shell("exec 9>" + lock + " && flock 9 && " + cronCommand()).requireSuccess();
        assertEquals(List.of(), checkpoints());
    }

    @Test
    void shouldPreDumpAndDump() throws IOException {
        Path script = install("pre-dumped", block("sh", "# pre-dumped PID DIR"));
        try (LiveTarget target = LiveTarget.start(program, scratch, "memory", "4")) {
            Path images = directory.resolve("checkpoints");
            shell(script + " " + target.pid() + " " + images).requireSuccess();
            LiveTarget.await("the end of " + target.pid(), () -> !target.alive());
            jcriu("verify", images.resolve("4").toString()).requireSuccess();
            jcriu("restore", "-d", "-D", images.resolve("4").toString()).requireSuccess();
            target.awaitProgress(1);
        }
    }

    @Test
    void shouldHaveUnitsThatSystemdTakes() throws IOException {
        assumeTrue(
                Launcher.run(List.of("sh", "-c", "command -v systemd-analyze")).status() == 0,
                "systemd-analyze is not installed");
        install("checkpoint", block("sh", "# checkpoint PIDFILE DIR"));
        Path service =
                Files.writeString(
                        directory.resolve("checkpoint.service"), here(block("ini", "ExecStart=")));
        Path timer =
                Files.writeString(
                        directory.resolve("checkpoint.timer"), here(block("ini", "[Timer]")));
        Launcher.run(List.of("systemd-analyze", "verify", service.toString(), timer.toString()))
                .requireSuccess();
    }
}
