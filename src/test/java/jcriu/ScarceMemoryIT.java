package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import jcriu.Launcher.Outcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Restores with --auto-dedup where there is no room for a tree twice: 128 MiB of it, private and
 * shared, in a cgroup that may have 96 more.
 */
@Tag("live")
class ScarceMemoryIT {
    private static final long MIB = 1 << 20;
    private static final long TREE = 128 * MIB;
    private static final int PAGES_OF_AN_AREA = (int) (TREE / 4 / 4096);

    @TempDir private static Path scratch;
    private static Path program;

    private Path images;
    private SharedTarget target;
    private MemoryCgroup cgroup;
    private List<Long> sums;

    @BeforeAll
    static void prepare() {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        program = CCompiler.testee("shared", scratch);
    }

    @BeforeEach
    void start() throws IOException {
        images = Files.createTempDirectory(scratch, "images");
        cgroup = MemoryCgroup.create();
        target = SharedTarget.start(program, scratch, PAGES_OF_AN_AREA);
        sums = target.sums();
    }

    @AfterEach
    void end() {
        if (target != null) {
            target.kill();
        }
        Launcher.run(List.of("umount", "-l", images.toString()));
        if (cgroup != null) {
            cgroup.close();
        }
    }

    private Outcome inCgroup(String... words) {
        return jcriu(cgroup.prefix(), words);
    }

    private void dumpAndLimit() throws IOException {
        inCgroup("dump", "-t", "" + target.pid(), "-D", images.toString()).requireSuccess();
        assertTrue(space(images) >= TREE, "" + space(images));
        cgroup.limit(TREE + 96 * MIB);
    }

    private Outcome restore(Path from) {
        return inCgroup("restore", "-d", "--auto-dedup", "-D", from.toString());
    }

    /** Bytes that files take, as du(1) counts them. */
    private static long space(Path directory) {
        String text = CCompiler.run(List.of("du", "-sB1", directory.toString()));
        return Long.parseLong(text.split("\t")[0]);
    }

    private void requireRestoredFrom(Path directory) throws IOException {
        assertEquals(sums, target.sums());
        assertTrue(space(directory) < MIB, "" + space(directory));
        assertTrue(cgroup.usage() < TREE + 8 * MIB, "" + cgroup.usage());
    }

    private static void assumeOnADisk(Path directory) throws IOException {
        assumeFalse(
                Files.getFileStore(directory).type().matches("tmpfs|ramfs"),
                directory + " is in memory");
    }

    /** Images on a disk are in memory as cache only, which gives way. */
    @Test
    void shouldRestoreFromADisk() throws IOException {
        assumeOnADisk(images);
        dumpAndLimit();
        restore(images).requireSuccess();
        requireRestoredFrom(images);
    }

    /** Images in memory stay there until the tree runs: it does not come to that. */
    @Test
    void shouldLoseNothingWhereImagesAreInMemory() throws IOException {
        assumeOnADisk(images);
        CCompiler.run(List.of("mount", "-t", "tmpfs", "images", images.toString()));
        dumpAndLimit();
        long full = space(images);
        assertNotEquals(0, restore(images).status());
        LiveTarget.await("the end of what was made", () -> !target.alive());
        assertEquals(full, space(images));
        jcriu("verify", images.toString()).requireSuccess();
        Path disk = Files.createTempDirectory(scratch, "disk");
        CCompiler.run(List.of("sh", "-c", "mv " + images + "/* " + disk));
        restore(disk).requireSuccess();
        requireRestoredFrom(disk);
    }
}
