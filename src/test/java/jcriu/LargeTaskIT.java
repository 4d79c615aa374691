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
import jcriu.memory.PagemapScan;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.VmFlag;
import jcriu.store.Runs;
import jcriu.tracee.RemoteMemory;
import org.junit.jupiter.params.ParameterizedTest;
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

    /** What a user would give the program right after the checks. */
    private Path script(LiveTarget target) throws IOException {
        Path script = directory.resolve("advise");
        Files.writeString(
                script,
                """
                #!/bin/sh
                [ "$CRTOOLS_SCRIPT_ACTION" = pre-dump ] || exit 0
                kill -USR2 PID
                until grep -q '^VmFlags:.* dc' /proc/PID/smaps; do sleep 0.01; done
                """
                        .replace("PID", "" + target.pid()));
        Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
        return script;
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "--track-mem --tracker digest", "--track-mem --tracker uffd-wp"})
    void shouldDumpTheFlagsOfTheFreeze(String options) throws IOException {
        Path program = CCompiler.testee("target", scratch);
        try (LiveTarget target = LiveTarget.start(program, scratch, "advice", "192")) {
            long base = target.word(6);
            List<String> words = new ArrayList<>(List.of("dump", "-t", "" + target.pid()));
            words.addAll(List.of("-R", "-D", images("1")));
            words.addAll(List.of("--action-script", script(target).toString()));
            if (!options.isEmpty()) {
                words.addAll(List.of(options.split(" ")));
            }
            jcriu(words.toArray(String[]::new)).requireSuccess();
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
}
