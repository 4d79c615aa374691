package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import jcriu.memory.PagemapScan;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.VmFlag;
import jcriu.store.Runs;
import jcriu.tracee.RemoteMemory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A task whose mappings are so large that their flags are read before the freeze, to find its pages
 * by: the images must have those of the freeze.
 */
class LargeTaskIT extends ChainCase {
    private static final int MIB = 1 << 20;

    private static boolean has(LiveTarget target, long address, VmFlag flag) {
        for (MapsVma vma : Maps.readSmaps(target.pid())) {
            if (vma.contains(address)) {
                return vma.has(flag);
            }
        }
        throw new AssertionError("nothing is mapped at " + Long.toHexString(address));
    }

    private static String guards(LiveTarget target, long base) {
        Runs guards = new Runs();
        try (PagemapScan scan = new PagemapScan(target.pid())) {
            scan.guards(base, base + 192 * MIB, guards);
        }
        return guards.size() == 0
                ? "none"
                : Long.toHexString(guards.start(0) - base) + " " + guards.bytes();
    }

    /** What happens right after the checks. */
    private String script(String commands) throws IOException {
        Path script = directory.resolve("after-checks");
        String only = "#!/bin/sh\n[ \"$CRTOOLS_SCRIPT_ACTION\" = pre-dump ] || exit 0\n";
        Files.writeString(script, only + commands);
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
        return script.toString();
    }

    @ParameterizedTest
    @CsvSource({
        "'', false",
        "'', true",
        "--track-mem --tracker digest, true",
        "--track-mem --tracker uffd-wp, false",
        "--track-mem --tracker uffd-wp, true"
    })
    void shouldDumpTheFlagsOfTheFreeze(String options, boolean fromSmaps) throws IOException {
        Path program = CCompiler.testee("target", scratch);
        try (LiveTarget target = LiveTarget.start(program, scratch, "advice", "192")) {
            long base = target.word(6);
            List<String> words = new ArrayList<>(List.of(Launcher.SCRIPT, "dump"));
            words.addAll(List.of("-t", "" + target.pid(), "-R", "-D", images("1")));
            String advise =
                    "kill -USR2 PID; until grep -q '^VmFlags:.* dc' /proc/PID/smaps; do sleep 0.01; done"
                            .replace("PID", "" + target.pid());
            words.addAll(List.of("--action-script", script(advise)));
            if (!options.isEmpty()) {
                words.addAll(List.of(options.split(" ")));
            }
            String from = "-Djcriu.smaps=" + fromSmaps;
            Launcher.run(Launcher.with(from, words.toArray(String[]::new))).requireSuccess();
            String guards = guards(target, base);
            assertEquals(target.word(7) == 1 ? "800000 8192" : "none", guards);
            jcriu("dump", "-t", "" + target.pid(), "-D", images("2")).requireSuccess();
            jcriu("restore", "-d", "-D", images("1")).requireSuccess();
            target.awaitProgress(1);
            assertEquals(guards, guards(target, base));
            assertTrue(has(target, base, VmFlag.DC));
            assertArrayEquals(new byte[] {8, 7, 7, 7}, RemoteMemory.read(target.pid(), base, 4));
            assertArrayEquals(
                    new byte[] {7, 7, 7, 7},
                    RemoteMemory.read(target.pid(), base + 191 * MIB - 4, 4));
        }
    }

    /** Room is made for what it has written; it is gone by then. */
    @ParameterizedTest
    @ValueSource(strings = {"digest", "uffd-wp"})
    void shouldDumpTheTreeOfATaskThatEndsAfterTheChecks(String tracker) throws IOException {
        Path program = CCompiler.testee("target", scratch);
        Path words = Files.write(directory.resolve("words"), new byte[4096]);
        Path pidOfChild = directory.resolve("child");
        Path counted = directory.resolve("counted");
        String tree = "sh -c '" + program + " advice " + words + " 192 & echo $! > " + pidOfChild;
        tree += "; wait; while sleep 0.05; do echo >> " + counted + "; done'";
        int pid = LiveTarget.detached(tree);
        try {
            LiveTarget.await("the child", () -> first(words) == 1);
            dump(pid, tracker, "1");
            String end =
                    "kill -KILL CHILD; while [ -e /proc/CHILD/mem ]; do sleep 0.01; done"
                            .replace("CHILD", Files.readString(pidOfChild).strip());
            dump(pid, tracker, "2", "--prev-images-dir=../1", "--action-script=" + script(end));
            LiveTarget.await("the tree to go on", () -> Files.exists(counted));
        } finally {
            LiveTarget.kill(pid, "KILL");
            if (Files.exists(pidOfChild)) {
                LiveTarget.kill(Integer.parseInt(Files.readString(pidOfChild).strip()), "KILL");
            }
        }
    }

    private void dump(int pid, String tracker, String name, String... words) throws IOException {
        List<String> all = new ArrayList<>(List.of("dump", "-R", "--track-mem", "-t", "" + pid));
        all.addAll(List.of("-D", images(name), "--tracker", tracker));
        all.addAll(List.of(words));
        jcriu(all.toArray(String[]::new)).requireSuccess();
    }

    private static byte first(Path file) {
        try {
            return Files.readAllBytes(file)[0];
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** Of 96 MiB 48 are written: they have room, and a quarter more would not. */
    @ParameterizedTest
    @ValueSource(strings = {"digest", "uffd-wp"})
    void shouldNotAskForMoreRoomThanItNeeds(String tracker) throws IOException {
        Path program = CCompiler.testee("target", scratch);
        Path small = Path.of(images("2"));
        try (LiveTarget target = LiveTarget.start(program, scratch, "advice", "192")) {
            dump(target.pid(), tracker, "1");
            byte[] random = new byte[MIB];
            for (int i = 0; i < 48; i++) {
                new Random(i).nextBytes(random);
                RemoteMemory.write(target.pid(), target.word(6) + 2L * i * MIB, random);
            }
            CCompiler.run(
                    List.of("mount", "-t", "tmpfs", "-o", "size=54m", "small", small.toString()));
            String parent = "--prev-images-dir=" + directory.resolve("1");
            dump(target.pid(), tracker, "2", parent);
            long written = stats(small.toString()).getPagesWritten();
            assertTrue(written >= 48 * 256 && written < 49 * 256, "" + written);
        } finally {
            Launcher.run(List.of("umount", small.toString()));
        }
    }
}
