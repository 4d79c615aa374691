package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import jcriu.check.Features;
import jcriu.errors.TaskGoneException;
import jcriu.proc.Capabilities;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.QuickFlags;
import jcriu.proc.VmFlag;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What the kernel tells in a microsecond must be what smaps says. */
class QuickFlagsIT extends ChainCase {
    @BeforeEach
    void requireIterator() {
        assumeTrue(Capabilities.effective().has(Capabilities.CAP_SYS_ADMIN), "needs CAP_SYS_ADMIN");
        assumeTrue(
                Features.probe("vma_flags").there(),
                "needs vma_flags: " + Features.probe("vma_flags").why());
    }

    /** Keys are told by smaps alone: then there is no answer. */
    private static void requireTheSame(int pid, List<MapsVma> earlier) {
        try (QuickFlags flags = QuickFlags.open().orElseThrow()) {
            List<MapsVma> now = Maps.readSmaps(pid);
            boolean keys = now.stream().anyMatch(vma -> vma.protectionKey() != 0);
            assertEquals(keys ? Optional.empty() : Optional.of(now), flags.read(pid, earlier));
        }
    }

    private static boolean has(int pid, VmFlag flag) {
        return Maps.readSmaps(pid).stream().anyMatch(vma -> vma.has(flag));
    }

    private static void await(int pid, VmFlag flag) {
        LiveTarget.await("a mapping with " + flag, () -> has(pid, flag));
    }

    @Test
    void shouldTellFlagsThatAProgramHasSetMeanwhile() throws IOException {
        Path program = CCompiler.testee("target", scratch);
        try (LiveTarget target = LiveTarget.start(program, scratch, "advice", "16")) {
            int pid = target.pid();
            List<MapsVma> earlier = Maps.readSmaps(pid);
            requireTheSame(pid, earlier);
            LiveTarget.kill(pid, "USR2"); // it advises
            await(pid, VmFlag.DC);
            requireTheSame(pid, earlier);
            assertNotEquals(earlier, Maps.readSmaps(pid));
        }
    }

    @Test
    void shouldTellThatWeAreWatching() throws IOException {
        assumeTrue(Features.probe("tracker_uffd-wp").there(), "needs the tracker uffd-wp");
        Path program = CCompiler.testee("target", scratch);
        try (LiveTarget target = LiveTarget.start(program, scratch, "advice", "16")) {
            int pid = target.pid();
            List<MapsVma> earlier = Maps.readSmaps(pid);
            jcriu("pre-dump", "-t", "" + pid, "-D", images("1"), "--tracker", "uffd-wp")
                    .requireSuccess();
            assertTrue(has(pid, VmFlag.UW));
            requireTheSame(pid, earlier);
        }
    }

    @Test
    void shouldSayThatATaskIsGone() {
        try (QuickFlags flags = QuickFlags.open().orElseThrow()) {
            assertThrows(TaskGoneException.class, () -> flags.read(Integer.MAX_VALUE, List.of()));
        }
    }
}
