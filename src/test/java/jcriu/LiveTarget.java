package jcriu;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;

/**
 * A running {@code src/test/c/target.c}. A shell puts it into the background, in a session of its
 * own: were it a child of {@link ProcessBuilder}, the JDK's reaper thread would take its stops.
 */
public final class LiveTarget implements AutoCloseable {
    private static final long TIMEOUT_MS = 60_000;

    private final int pid;
    private final MappedByteBuffer words;

    private LiveTarget(int pid, MappedByteBuffer words) {
        this.pid = pid;
        this.words = words;
    }

    /** Starts it and waits until it is ready. */
    public static LiveTarget start(Path program, Path directory, String mode, String argument) {
        try {
            Path file = Files.createTempFile(directory, mode, ".words");
            Files.write(file, new byte[4096]);
            MappedByteBuffer words;
            try (FileChannel channel =
                    FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                words = channel.map(FileChannel.MapMode.READ_WRITE, 0, 4096);
            }
            words.order(ByteOrder.nativeOrder());
            int pid =
                    detached(String.join(" ", program.toString(), mode, file.toString(), argument));
            LiveTarget target = new LiveTarget(pid, words);
            await("target " + mode + " to be ready", () -> target.word(0) == 1);
            return target;
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Starts a shell command in the background, in its own session; its pid. */
    public static int detached(String command) {
        String text =
                CCompiler.run(
                        List.of(
                                "sh",
                                "-c",
                                "cd /; setsid "
                                        + command
                                        + " </dev/null >/dev/null 2>&1 & echo $!"));
        return Integer.parseInt(text.strip());
    }

    public int pid() {
        return pid;
    }

    public long word(int index) {
        return words.getLong(8 * index);
    }

    public static void await(String what, BooleanSupplier condition) {
        long deadline = System.currentTimeMillis() + TIMEOUT_MS;
        while (!condition.getAsBoolean()) {
            assertTrue(System.currentTimeMillis() < deadline, "waited too long for " + what);
            pause(2);
        }
    }

    public static void pause(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits until a counter moves. */
    public void awaitProgress(int index) {
        long before = word(index);
        await("counter " + index + " of pid " + pid, () -> word(index) > before);
    }

    /** The state letter of proc_pid_stat(5), X where the process is gone. */
    public static char state(int pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            return stat.charAt(stat.lastIndexOf(')') + 2);
        } catch (IOException e) {
            return 'X';
        }
    }

    public boolean alive() {
        char state = state(pid);
        return state != 'X' && state != 'Z';
    }

    /** Everything that can be seen from outside, and must not change. */
    public String snapshot() {
        return snapshot(pid);
    }

    static String snapshot(int pid) {
        Path proc = Path.of("/proc/" + pid);
        StringBuilder out = new StringBuilder();
        try {
            out.append(Files.readString(proc.resolve("maps")));
            for (Path task : list(proc.resolve("task"))) {
                for (String line : Files.readAllLines(task.resolve("status"))) {
                    if (line.matches(
                            "(Name|Umask|Tgid|PPid|TracerPid|Uid|Gid|Groups|Threads|Sig(Pnd|Blk|Ign|Cgt)|ShdPnd"
                                    + "|Cap.*|NoNewPrivs|Seccomp.*|VmSize|VmLck):.*")) {
                        out.append(task.getFileName()).append(' ').append(line).append('\n');
                    }
                }
                // without times, faults, resident pages and the processor that it ran on
                String stat = Files.readString(task.resolve("stat"), StandardCharsets.ISO_8859_1);
                List<String> fields =
                        new ArrayList<>(
                                Arrays.asList(
                                        stat.substring(stat.lastIndexOf(')') + 2).split(" ")));
                for (int field : new int[] {3, 9, 10, 11, 12, 13, 14, 15, 16, 17, 24, 35, 39, 42}) {
                    fields.set(field - 3, "-");
                }
                out.append(String.join(" ", fields));
            }
            for (Path fd : list(proc.resolve("fd"))) {
                out.append(fd.getFileName())
                        .append(' ')
                        .append(Files.readSymbolicLink(fd))
                        .append('\n')
                        .append(Files.readString(proc.resolve("fdinfo").resolve(fd.getFileName())));
            }
            for (String link : List.of("cwd", "root", "exe")) {
                out.append(Files.readSymbolicLink(proc.resolve(link))).append('\n');
            }
        } catch (IOException e) {
            throw new AssertionError("pid " + pid + " cannot be looked at", e);
        }
        return out.toString();
    }

    private static List<Path> list(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        }
    }

    public static void kill(int pid, String signal) {
        CCompiler.run(List.of("sh", "-c", "kill -" + signal + " " + pid + " 2>/dev/null || true"));
    }

    @Override
    public void close() {
        kill(pid, "KILL");
    }
}
