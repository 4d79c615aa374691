package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that the restore is given instead of those of the dump. */
@Tag("live")
class ExternalIT {
    @TempDir private Path scratch;
    private Path images;
    private Path first;
    private Path second;
    private int pid;

    @BeforeEach
    void prepare() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        images = Files.createDirectory(scratch.resolve("images"));
        first = Files.writeString(scratch.resolve("first"), "one\n");
        second = Files.writeString(scratch.resolve("second"), "two\n");
    }

    @AfterEach
    void end() {
        if (pid != 0) {
            LiveTarget.kill(pid, "KILL");
        }
    }

    /** A process whose descriptor 7 is what the shell opens so. */
    private void start(String redirection) {
        run("sh -c 'exec 7" + redirection + "; exec sleep 1000'");
    }

    private void run(String command) {
        pid = LiveTarget.detached(command);
        Path comm = Path.of("/proc/" + pid + "/comm");
        LiveTarget.await(
                "the target",
                () -> {
                    try {
                        return Files.readString(comm).equals("sleep\n");
                    } catch (IOException e) {
                        return false;
                    }
                });
    }

    private void dump(String... more) {
        List<String> words =
                new java.util.ArrayList<>(List.of("dump", "-t", "" + pid, "-D", images.toString()));
        words.addAll(List.of(more));
        jcriu(words.toArray(new String[0])).requireSuccess();
        LiveTarget.await("the end of the target", () -> LiveTarget.state(pid) == 'X');
    }

    /** Restores with descriptor 9 of the caller. */
    private Launcher.Outcome restore(String redirection, String more) {
        return Launcher.run(
                List.of(
                        "bash",
                        "-c",
                        "exec 9"
                                + redirection
                                + "; exec "
                                + Launcher.SCRIPT
                                + " restore -d -D "
                                + images
                                + " "
                                + more));
    }

    private String leadsTo() throws IOException {
        return Files.readSymbolicLink(Path.of("/proc/" + pid + "/fd/7")).toString();
    }

    private String field(String name) throws IOException {
        for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/fdinfo/7"))) {
            if (line.startsWith(name)) {
                return line.substring(name.length()).strip();
            }
        }
        throw new AssertionError("fdinfo has no " + name);
    }

    private String fileName() throws IOException {
        long ino = (Long) Files.getAttribute(first, "unix:ino");
        return "file["
                + Integer.toHexString(Integer.parseInt(field("mnt_id:")))
                + ":"
                + Long.toHexString(ino)
                + "]";
    }

    @Test
    void shouldTakeAnotherFileForAnExternalOne() throws IOException {
        start("<" + first);
        String name = fileName();
        dump("--external", name);
        Files.delete(first);
        restore("<" + second, "").requireFailure(8, name + " was outside the tree");
        restore("<" + second, "--inherit-fd fd[9]:" + name).requireSuccess();
        assertEquals(second.toString(), leadsTo());
    }

    @Test
    void shouldTakeAnotherFileForAPath() throws IOException {
        start("<" + first);
        dump();
        Files.delete(first);
        restore("<" + second, "--inherit-fd fd[9]:" + first.toString().substring(1))
                .requireSuccess();
        assertEquals(second.toString(), leadsTo());
    }

    @Test
    void shouldOpenAnotherDeviceForAnExternalOne() throws IOException {
        start("<>/dev/loop-control");
        dump("--external", "dev[10/237]:loops");
        restore("<" + second, "").requireFailure(8, "dev[loops] was outside the tree");
        restore("<" + second, "--external dev[loops]:/dev/zero").requireSuccess();
        assertEquals("/dev/zero", leadsTo());
    }

    @Test
    void shouldTakeAnotherTerminalForAnExternalOne() throws IOException {
        // python holds the master of a new pty; the target has the other end
        String master =
                "import os,time; m,s=os.openpty(); print(os.ttyname(s),flush=True);"
                        + " time.sleep(1000)";
        Path said = scratch.resolve("said");
        int holder =
                LiveTarget.detached("sh -c 'exec python3 -c \"" + master + "\" >" + said + "'");
        try {
            LiveTarget.await("the pty", () -> said.toFile().exists() && said.toFile().length() > 0);
            String path = Files.readString(said).strip();
            start("<>" + path);
            String name =
                    "tty["
                            + Long.toHexString(
                                    (Long) Files.getAttribute(Path.of(path), "unix:rdev"))
                            + ":"
                            + Long.toHexString((Long) Files.getAttribute(Path.of(path), "unix:dev"))
                            + "]";
            dump("--external", name);
            restore("<" + second, "").requireFailure(8, name + " was outside the tree");
            restore("<" + second, "--inherit-fd fd[9]:" + name).requireSuccess();
            assertEquals(second.toString(), leadsTo());
        } finally {
            LiveTarget.kill(holder, "KILL");
        }
    }

    @Test
    void shouldTakeAnotherFileForAnExternalConsole() throws IOException {
        Path console = Path.of("/dev/tty1");
        assumeTrue(Files.isWritable(console), "no virtual terminals here");
        run(
                "python3 -c \"import os; os.dup2(os.open('/dev/tty1', os.O_RDWR | os.O_NOCTTY), 7);"
                        + " os.execvp('sleep', ['sleep', '1000'])\"");
        String name =
                "tty["
                        + Long.toHexString((Long) Files.getAttribute(console, "unix:rdev"))
                        + ":"
                        + Long.toHexString((Long) Files.getAttribute(console, "unix:dev"))
                        + "]";
        dump("--external", name);
        restore("<" + second, "").requireFailure(8, name + " was outside the tree");
        restore("<" + second, "--inherit-fd fd[9]:" + name).requireSuccess();
        assertEquals(second.toString(), leadsTo());
    }

    @Test
    void shouldTakeAnotherFileForAFifo() throws IOException {
        Path fifo = scratch.resolve("fifo");
        Launcher.run(List.of("mkfifo", fifo.toString())).requireSuccess();
        start("<>" + fifo);
        dump();
        Files.delete(fifo);
        Files.writeString(fifo, "a file");
        restore("<" + second, "").requireFailure(8, "file " + fifo + " is no FIFO any more");
        restore("<" + second, "--inherit-fd fd[9]:" + fifo).requireSuccess();
        assertEquals(second.toString(), leadsTo());
    }

    @Test
    void shouldTakeAnotherFileForAMemfd() throws IOException {
        run(
                "python3 -c \"import os; os.dup2(os.memfd_create('held'), 7);"
                        + " os.execvp('sleep', ['sleep', '1000'])\"");
        dump();
        restore("<" + second, "--inherit-fd fd[9]:/memfd:held").requireSuccess();
        assertEquals(second.toString(), leadsTo());
    }

    /** Both ends are in the tree, at 7 and 8, and in the process that made them, too. */
    @Test
    void shouldRefuseAPipeThatSomebodyOutsideHoldsTooUnlessItIsExternal() throws IOException {
        Path said = scratch.resolve("said");
        Path maker = scratch.resolve("maker.py");
        Files.writeString(
                maker,
                String.join(
                        "\n",
                        "import os, signal, time",
                        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
                        "r, w = os.pipe()",
                        "pid = os.fork()",
                        "if pid == 0:",
                        "    os.setsid()",
                        "    os.dup2(r, 7)",
                        "    os.dup2(w, 8)",
                        "    os.close(r)",
                        "    os.close(w)",
                        "    os.execvp('sleep', ['sleep', '1000'])",
                        "print(pid, r, flush=True)",
                        "time.sleep(1000)",
                        ""));
        int holder = LiveTarget.detached("sh -c 'exec python3 " + maker + " >" + said + "'");
        try {
            LiveTarget.await(
                    "the pipe", () -> said.toFile().exists() && said.toFile().length() > 0);
            String[] words = Files.readString(said).strip().split(" ");
            pid = Integer.parseInt(words[0]);
            Path comm = Path.of("/proc/" + pid + "/comm");
            LiveTarget.await("the target", () -> text(comm).equals("sleep\n"));
            String pipe = leadsTo();
            jcriu("dump", "-t", "" + pid, "-D", images.toString())
                    .requireFailure(
                            4,
                            "fd 7 is "
                                    + pipe
                                    + ", which process "
                                    + holder
                                    + " (python3) outside the tree holds, too");
            assertEquals("sleep\n", text(comm));
            dump("--external", pipe);
            restore("<" + second, "").requireFailure(8, "is a pipe that was given with --external");
            Path other = scratch.resolve("other");
            Launcher.run(List.of("mkfifo", other.toString())).requireSuccess();
            restore("<>" + other, "--inherit-fd fd[9]:" + pipe).requireSuccess();
            assertEquals(other.toString(), leadsTo());
            assertEquals(other, Files.readSymbolicLink(Path.of("/proc/" + pid + "/fd/8")), "fd 8");
        } finally {
            LiveTarget.kill(holder, "KILL");
        }
    }

    /** A shell hands its descriptors to every command that it starts. */
    @Test
    void shouldNotTakeAChildThatWasForkedMeanwhileForAStranger() {
        Path fifo = scratch.resolve("fifo");
        Launcher.run(List.of("mkfifo", fifo.toString())).requireSuccess();
        pid =
                LiveTarget.detached(
                        "bash -c 'exec 7<>"
                                + fifo
                                + "; rm "
                                + fifo
                                + "; while :; do sleep 0.05; done'");
        LiveTarget.await("the target", () -> !fifo.toFile().exists());
        jcriu("dump", "-R", "-t", "" + pid, "-D", images.toString()).requireSuccess();
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            return "";
        }
    }

    @Test
    void shouldRefuseWhatItDoesNotKnow() {
        start("<" + first);
        jcriu("dump", "-t", "" + pid, "-D", images.toString(), "--external", "mnt[/x]:y")
                .requireFailure(4, "option --external mnt[/x]:y is not supported");
    }
}
