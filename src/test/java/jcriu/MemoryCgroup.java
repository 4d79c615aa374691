package jcriu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A memory cgroup of the tests' own: what runs in it has so much memory, and no swap. */
final class MemoryCgroup implements AutoCloseable {
    private final Path directory;
    private final boolean first;

    private MemoryCgroup(Path directory, boolean first) {
        this.directory = directory;
        this.first = first;
    }

    /** Below the one that the tests are in; with version 2, where that has processes, below all. */
    static MemoryCgroup create() throws IOException {
        Path root = Path.of("/sys/fs/cgroup");
        boolean first = Files.exists(root.resolve("memory/memory.limit_in_bytes"));
        Path parent = root;
        if (first) {
            String own =
                    Files.readAllLines(Path.of("/proc/self/cgroup")).stream()
                            .filter(line -> line.split(":")[1].equals("memory"))
                            .findFirst()
                            .orElseThrow()
                            .split(":")[2];
            parent = Path.of(root + "/memory" + own);
        }
        String name = "jcriu-test-" + ProcessHandle.current().pid();
        try {
            Path directory = Files.createDirectory(parent.resolve(name));
            assumeTrue(
                    Files.exists(directory.resolve(first ? "memory.stat" : "memory.max")),
                    "cgroups have no memory controller here");
            return new MemoryCgroup(directory, first);
        } catch (IOException e) {
            assumeTrue(false, "no memory cgroup can be made: " + e);
            throw e;
        }
    }

    /** What puts a command into it. */
    List<String> prefix() {
        String procs = directory.resolve("cgroup.procs").toString();
        return List.of("sh", "-c", "echo $$ > " + procs + " && exec \"$@\"", "sh");
    }

    void limit(long bytes) throws IOException {
        write(first ? "memory.limit_in_bytes" : "memory.max", bytes);
        Path swap = directory.resolve(first ? "memory.memsw.limit_in_bytes" : "memory.swap.max");
        if (Files.exists(swap)) {
            Files.writeString(swap, "" + (first ? bytes : 0));
        }
    }

    /** Bytes that it has now: of processes, of files in memory, and of the cache of others. */
    long usage() throws IOException {
        Path file = directory.resolve(first ? "memory.usage_in_bytes" : "memory.current");
        return Long.parseLong(Files.readString(file).strip());
    }

    private void write(String file, long value) throws IOException {
        Files.writeString(directory.resolve(file), "" + value);
    }

    /** What was in it must have ended. */
    @Override
    public void close() {
        LiveTarget.await(
                "the end of the cgroup",
                () -> {
                    try {
                        return Files.deleteIfExists(directory);
                    } catch (IOException e) {
                        return false; // still busy
                    }
                });
    }
}
