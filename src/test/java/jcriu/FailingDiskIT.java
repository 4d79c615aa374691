package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import jcriu.Launcher.Outcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Real file systems that fail while pages are written: the target goes on as it was. */
@Tag("live")
class FailingDiskIT {
    private static final int IO = 7;

    @TempDir private static Path scratch;
    private static Path program;

    private LiveTarget target;
    private String before;
    private Path images;

    /** A directory that a test has mounted something on. */
    private Path mounted;

    private Path disk;

    @BeforeAll
    static void prepare() {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        program = CCompiler.testee("target", scratch);
    }

    private void start(int mib) throws IOException {
        target = LiveTarget.start(program, scratch, "memory", "" + mib);
        before = target.snapshot();
        images = Files.createTempDirectory(scratch, "images");
    }

    @AfterEach
    void end() {
        if (target != null) {
            target.close();
        }
        for (Path directory : new Path[] {mounted, disk}) {
            if (directory != null) {
                Launcher.run(List.of("umount", "-l", directory.toString()));
            }
        }
    }

    /** Mounts a file system that is a sparse file. */
    private void mountFile(String type, Path file, int mib) throws IOException {
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            channel.truncate(0).write(ByteBuffer.allocate(1), ((long) mib << 20) - 1);
        }
        require(List.of("mkfs." + type, "-q", "-F", file.toString()));
        require(List.of("mount", "-o", "loop", file.toString(), images.toString()));
        mounted = images;
        Files.delete(images.resolve("lost+found"));
    }

    private static void require(List<String> command) {
        Outcome outcome = Launcher.run(command);
        assumeTrue(outcome.status() == 0, command + ": " + outcome.output());
    }

    private String requireFailure(String what) {
        Outcome outcome = jcriu("dump", "-t", "" + target.pid(), "-D", images.toString());
        outcome.requireFailure(IO, what);
        requireUnharmed();
        return outcome.output();
    }

    private void requireUnharmed() {
        target.awaitProgress(1);
        assertEquals(before, target.snapshot());
    }

    private void requireEmpty() throws IOException {
        try (Stream<Path> files = Files.list(images)) {
            assertEquals(List.of(), files.toList());
        }
    }

    /** ext2 cannot reserve: that there is no room shows when the pages of the file are touched. */
    @ParameterizedTest
    @CsvSource({"ext4, 16, reserve", "ext2, 16, fill", "ext4, 2, write"})
    void shouldLeaveTheTargetRunningWhereADiskIsFull(String type, int mib, String what)
            throws IOException {
        start(mib);
        mountFile(type, scratch.resolve("disk"), mib / 2 + 1);
        String output = requireFailure("pages-1.img: ENOSPC");
        assertTrue(output.startsWith("Error: " + what), output);
        requireEmpty();
        require(List.of("umount", images.toString()));
        jcriu("dump", "-t", "" + target.pid(), "-D", images.toString()).requireSuccess();
    }

    /** It takes everything, until it is to put it somewhere. */
    @Test
    void shouldLeaveTheTargetRunningWhereADiskFailsWhenItIsForced() throws IOException {
        start(16);
        disk = Files.createTempDirectory(scratch, "disk");
        require(List.of("mount", "-t", "tmpfs", "-o", "size=8m", "small", disk.toString()));
        mountFile("ext4", disk.resolve("disk"), 64);
        requireFailure("force to the disk what was written to " + images);
        assertFalse(Files.exists(images.resolve("inventory.img")));
    }

    /** What is mapped cannot be written to any more. */
    @Test
    void shouldLeaveTheTargetRunningWherePagesAreTruncated() throws Exception {
        start(16);
        Path output = Files.createTempFile(scratch, "run", ".txt");
        Path over = output.resolveSibling(output.getFileName() + ".over");
        Path pages = images.resolve("pages-1.img");
        Process process =
                Launcher.start(
                        Launcher.with(
                                "-Djcriu.fault=dump.freeze:delay=" + over,
                                Launcher.SCRIPT,
                                "dump",
                                "-t",
                                "" + target.pid(),
                                "-D",
                                images.toString()),
                        output);
        LiveTarget.await("the freeze", () -> LiveTarget.state(target.pid()) == 't');
        try (FileChannel channel = FileChannel.open(pages, StandardOpenOption.WRITE)) {
            channel.truncate(1 << 20);
        }
        Files.createFile(over);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), "jcriu did not end");
        new Outcome(process.exitValue(), Files.readString(output))
                .requireFailure(IO, "cannot write " + pages);
        requireUnharmed();
        requireEmpty();
    }
}
