package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcriu.Launcher.Outcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SysV segments outlive their tasks: what a restore makes of one that it finds, and of others. */
@Tag("live")
class SysvShmIT {
    private static final int COUNTER = 1;
    private static final int ID = 2;
    private static final int REFUSED = 8;

    @TempDir private static Path scratch;
    private static Path program;
    private static int lastKey;

    private final List<LiveTarget> targets = new ArrayList<>();
    private final List<Integer> segments = new ArrayList<>();
    private Path images;
    private String key;
    private LiveTarget target;
    private int id;

    @BeforeAll
    static void prepare() {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        program = CCompiler.testee("target", scratch);
    }

    @BeforeEach
    void startTarget() throws IOException {
        images = Files.createTempDirectory(scratch, "images");
        key =
                "0x"
                        + Integer.toHexString(
                                0x4b000000 | (int) ProcessHandle.current().pid() << 4 | lastKey++);
        target = start();
        id = (int) target.word(ID);
        target.awaitProgress(COUNTER);
    }

    private LiveTarget start() {
        LiveTarget started = LiveTarget.start(program, scratch, "segment", key);
        targets.add(started);
        segments.add((int) started.word(ID));
        return started;
    }

    @AfterEach
    void end() {
        targets.forEach(LiveTarget::close);
        segments.forEach(SysvShmIT::remove);
    }

    private static void remove(int segment) {
        CCompiler.run(List.of("sh", "-c", "ipcrm -m " + segment + " 2>/dev/null || true"));
    }

    private static String made(String command) {
        String text = CCompiler.run(List.of("sh", "-c", command));
        return text.replaceAll("[^0-9]", "");
    }

    private void dump(String... options) {
        List<String> words =
                new ArrayList<>(List.of("dump", "-t", "" + target.pid(), "-D", images.toString()));
        words.addAll(List.of(options));
        jcriu(words.toArray(new String[0])).requireSuccess();
    }

    private Outcome restore() {
        return jcriu("restore", "-d", "-D", images.toString());
    }

    private static boolean exists(int segment) throws IOException {
        return Files.readAllLines(Path.of("/proc/sysvipc/shm")).stream()
                .anyMatch(line -> line.strip().split(" +")[1].equals("" + segment));
    }

    @Test
    void shouldRestoreTheContentThatOnlyTheTreeHasChanged() {
        dump("-R");
        long dumped = target.word(COUNTER);
        LiveTarget.await("a later count", () -> target.word(COUNTER) > dumped + 500);
        target.close();
        LiveTarget.await("the end of the target", () -> LiveTarget.state(target.pid()) == 'X');
        long last = target.word(COUNTER);
        restore().requireSuccess();
        LiveTarget.await("the earlier count", () -> target.word(COUNTER) < last);
    }

    @Test
    void shouldKeepWhatOthersHaveWrittenSince() {
        dump();
        LiveTarget other = start();
        assertEquals(id, other.word(ID));
        LiveTarget.await("a later count", () -> other.word(COUNTER) > target.word(COUNTER) + 500);
        other.close();
        LiveTarget.await("its end", () -> LiveTarget.state(other.pid()) == 'X');
        restore().requireSuccess();
        LiveTarget.await("a count", () -> target.word(COUNTER) > other.word(COUNTER));
    }

    @Test
    void shouldMakeItAgainUnderItsId() throws IOException {
        dump();
        long dumped = target.word(COUNTER);
        remove(id);
        assertTrue(!exists(id));
        restore().requireSuccess();
        LiveTarget.await("a count", () -> target.word(COUNTER) > dumped);
        assertTrue(exists(id));
    }

    @Test
    void shouldRefuseWhereAnotherHasTheKey() {
        dump();
        remove(id);
        LiveTarget other = start();
        assertTrue(other.word(ID) != id);
        restore().requireFailure(REFUSED, "has its key now");
    }

    @Test
    void shouldRefuseWhereAnotherHasTheId() {
        dump();
        remove(id);
        String other = made("echo " + id + " > /proc/sys/kernel/shm_next_id; ipcmk -M 4096");
        segments.add(Integer.parseInt(other));
        assertEquals("" + id, other);
        restore().requireFailure(REFUSED, "another of that id");
        remove(id);
        // the slot of the id, but not the id
        other = made("echo " + (id ^ 1 << 20) + " > /proc/sys/kernel/shm_next_id; ipcmk -M 4096");
        segments.add(Integer.parseInt(other));
        restore().requireFailure(REFUSED, "another segment has the slot");
    }

    @Test
    void shouldLeaveNoSegmentBehindWhereTheRestoreFails() throws IOException {
        dump();
        remove(id);
        jcriu(
                        Launcher.with("-Djcriu.fault=restore.resume"),
                        "restore",
                        "-d",
                        "-D",
                        images.toString())
                .requireFailure(7, "fault injected");
        assertTrue(!exists(id));
        restore().requireSuccess();
    }
}
