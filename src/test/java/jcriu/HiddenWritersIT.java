package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import jcriu.SharedTarget.Way;
import jcriu.image.ImageType;
import jcriu.image.proto.dump_stats_entry;
import jcriu.memory.DigestTracker;
import jcriu.memory.SoftDirtyTracker;
import jcriu.memory.Trackers;
import jcriu.memory.UffdTracker;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Shared memory that is written, between a pre-dump and a dump, in ways that leave no mark in the
 * page tables of the tree, and some that do not even move the object's times. Each write is
 * restored, and nothing else is dumped again.
 *
 * <p>One by one with the tracker that would be deceived by most, uffd-wp, where there is one; all
 * together with the others. See docs/adr/0017.
 */
class HiddenWritersIT extends ChainCase {
    private static Path program;

    private String tracker = UffdTracker.works() ? UffdTracker.NAME : Trackers.AUTO;

    @BeforeAll
    static void prepare() {
        program = CCompiler.testee("shared", scratch);
    }

    /** Dumps with images 1 as parent, restores, and compares. */
    private dump_stats_entry requireSeen(SharedTarget target) throws IOException {
        List<Long> sums = target.sums();
        String pid = "" + target.pid();
        String parent = "--prev-images-dir=../1";
        jcriu("dump", "--tracker", tracker, "-t", pid, "-D", images(2), parent).requireSuccess();
        LiveTarget.await("its end", () -> !target.alive());
        jcriu("restore", "-d", "-D", images(2)).requireSuccess();
        assertEquals(sums, target.sums());
        return stats(images(2));
    }

    private void preDump(SharedTarget target) throws IOException {
        jcriu("pre-dump", "--tracker", tracker, "-t", "" + target.pid(), "-D", images(1))
                .requireSuccess();
        assertTrue(stats(images(1)).getShpagesWritten() >= 3L * SharedTarget.PAGES);
    }

    /** 1: shared anonymous memory, 2: a memfd, 3: a SysV segment. */
    @ParameterizedTest
    @CsvSource({
        "WRITE, 1",
        "CHILD_WRITES_AND_DIES, 1",
        "CHILD_READS_WRITES_AND_DIES, 1",
        "CHILD_READS_WRITES_AND_DIES, 3",
        "SECOND_MAPPING, 1",
        "SECOND_MAPPING, 2",
        "POPULATED_MAPPING, 1",
        "PWRITE, 1",
        "HOLE, 1",
        "REOPENED, 2",
        "STRANGER_MAPS_IT, 1",
        "STRANGER_ATTACHES_IT, 3",
        "REMAPPED, 1"
    })
    void shouldSeeAWrite(Way way, int area) throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            preDump(target);
            List<Long> before = target.sums();
            target.change(way, area, 5, 4711);
            assertNotEquals(before, target.sums());
            dump_stats_entry stats = requireSeen(target);
            // where the hole was, the target has read: a page of zeros, which is not stored
            assertEquals(way == Way.HOLE ? 0 : 1, stats.getShpagesWritten(), "" + stats);
            assertTrue(stats.getShpagesSkippedParent() >= 3L * SharedTarget.PAGES - 1, "" + stats);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {DigestTracker.NAME, SoftDirtyTracker.NAME})
    void shouldSeeAllWrites(String name) throws IOException {
        assumeTrue(!name.equals(SoftDirtyTracker.NAME) || SoftDirtyTracker.works());
        tracker = name;
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            preDump(target);
            target.sums(); // what is written below is mapped, and read
            int written = 0;
            for (Way way : EnumSet.range(Way.WRITE, Way.STRANGER_MAPS_IT)) {
                target.change(way, SharedTarget.MEMFD, 2 * ++written, 4711);
                if (way != Way.REOPENED) {
                    target.change(way, SharedTarget.ANONYMOUS, 2 * ++written, 4711);
                }
            }
            target.change(Way.REMAPPED, SharedTarget.ANONYMOUS, 2 * ++written, 4711);
            target.change(Way.STRANGER_ATTACHES_IT, SharedTarget.SEGMENT, 2 * ++written, 4711);
            // two of them are holes
            assertEquals(written - 2, requireSeen(target).getShpagesWritten());
        }
    }

    @ParameterizedTest
    @CsvSource({"96", "17"})
    void shouldSeeAnObjectGrowAndShrink(int pages) throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            preDump(target);
            target.change(Way.RESIZE, SharedTarget.MEMFD, pages, 4711);
            // the target has read all that came new, and written to the last page only
            assertEquals(1, requireSeen(target).getShpagesWritten());
        }
    }

    /** Soft-dirty bits belong to nobody: whoever clears them makes all earlier writes unseen. */
    @ParameterizedTest
    @ValueSource(strings = {"clear_refs", "jcriu", "criu"})
    void shouldSeeWritesOfTheTimeBeforeSomebodyElseClearedTheBits(String who) throws IOException {
        assumeTrue(SoftDirtyTracker.works());
        assumeTrue(!who.equals("criu") || Files.exists(Path.of("/usr/sbin/criu")));
        tracker = SoftDirtyTracker.NAME;
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            preDump(target);
            target.change(Way.WRITE, SharedTarget.PRIVATE, 5, 4711);
            String pid = "" + target.pid();
            String other = images("other");
            switch (who) {
                case "jcriu" ->
                        jcriu("pre-dump", "--tracker", tracker, "-t", pid, "-D", other)
                                .requireSuccess();
                case "criu" ->
                        Launcher.run(
                                        List.of(
                                                "/usr/sbin/criu",
                                                "pre-dump",
                                                "--track-mem",
                                                "-t",
                                                pid,
                                                "-D",
                                                other))
                                .requireSuccess();
                default -> Files.writeString(Path.of("/proc/" + pid + "/clear_refs"), "4");
            }
            target.change(Way.WRITE, SharedTarget.PRIVATE, 6, 4711);
            requireSeen(target);
        }
    }

    /** Another process has the number of the one in the parent images. */
    @ParameterizedTest
    @ValueSource(strings = {DigestTracker.NAME, UffdTracker.NAME, SoftDirtyTracker.NAME})
    void shouldSeeThatAPidIsUsedAgain(String name) throws IOException {
        assumeTrue(!name.equals(SoftDirtyTracker.NAME) || SoftDirtyTracker.works());
        assumeTrue(!name.equals(UffdTracker.NAME) || UffdTracker.works());
        tracker = name;
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            preDump(target);
            target.change(Way.WRITE, SharedTarget.PRIVATE, 5, 4711);
            jcriu("dump", "-t", "" + target.pid(), "-D", images("away")).requireSuccess();
            LiveTarget.await("its end", () -> !target.alive());
            jcriu("restore", "-d", "-D", images("away")).requireSuccess();
            target.change(Way.WRITE, SharedTarget.PRIVATE, 6, 4711);
            requireSeen(target);
        }
    }

    /**
     * The marks that are there are not those of the parent: a keeper ended, and there is another.
     */
    @Test
    void shouldSeeWritesOfTheTimeBeforeTheKeeperRestarted() throws IOException {
        assumeTrue(UffdTracker.works());
        tracker = UffdTracker.NAME;
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            preDump(target);
            target.change(Way.WRITE, SharedTarget.PRIVATE, 5, 4711);
            target.change(Way.WRITE, SharedTarget.ANONYMOUS, 5, 4711);
            int keeper = track("1").getKeeperPid();
            LiveTarget.kill(keeper, "KILL");
            LiveTarget.await("its end", () -> "XZ".indexOf(LiveTarget.state(keeper)) >= 0);
            target.change(Way.WRITE, SharedTarget.PRIVATE, 6, 4711); // nobody watches
            String pid = "" + target.pid();
            String parent = "--prev-images-dir=../1";
            jcriu("pre-dump", "--tracker", tracker, "-t", pid, "-D", images("restarts"), parent)
                    .requireSuccess();
            assertNotEquals(keeper, track("restarts").getKeeperPid());
            target.change(Way.WRITE, SharedTarget.PRIVATE, 7, 4711);
            dump_stats_entry stats = requireSeen(target);
            assertTrue(stats.getPagesWritten() >= 3, "" + stats);
            assertEquals(1, stats.getShpagesWritten());
        }
    }

    /** Without a parent, too: what was touched and never written. */
    @Test
    void shouldNotStorePagesOfZeros() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            for (int page = 0; page < SharedTarget.PAGES; page += 2) {
                target.change(Way.HOLE, SharedTarget.ANONYMOUS, page, 0);
            }
            List<Long> sums = target.sums(); // has read them all
            jcriu("dump", "-t", "" + target.pid(), "-D", images(1)).requireSuccess();
            assertEquals(5L * SharedTarget.PAGES / 2, stats(images(1)).getShpagesWritten());
            LiveTarget.await("its end", () -> !target.alive());
            jcriu("restore", "-d", "-D", images(1)).requireSuccess();
            assertEquals(sums, target.sums());
        }
    }

    /** The parent has an object of the same name, by chance: another one. */
    @Test
    void shouldNotTakeANewObjectForAnOldOne() throws IOException {
        try (SharedTarget target = SharedTarget.start(program, scratch)) {
            preDump(target);
            long before = target.inode();
            target.change(Way.ANOTHER, SharedTarget.MEMFD, 0, 0);
            Files.move(
                    Path.of(images(1), ImageType.SHMEM_PAGEMAP.fileName(id(before))),
                    Path.of(images(1), ImageType.SHMEM_PAGEMAP.fileName(id(target.inode()))));
            assertEquals(SharedTarget.PAGES, requireSeen(target).getShpagesWritten());
        }
    }

    /** As SharedObjects names it. */
    private static long id(long inode) {
        return inode & 0xffffffffL | 1L << 31;
    }
}
