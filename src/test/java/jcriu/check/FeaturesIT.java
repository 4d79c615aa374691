package jcriu.check;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcriu.proc.Capabilities;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** Probes on the kernel that runs the tests, against what every such kernel has. */
@Execution(ExecutionMode.SAME_THREAD)
class FeaturesIT {
    @BeforeEach
    void requireRoot() {
        assumeTrue(
                Capabilities.effective().has(Capabilities.CAP_SYS_PTRACE), "needs CAP_SYS_PTRACE");
    }

    @Test
    void shouldFindWhatTheOtherTestsUse() {
        for (Need need : Need.all()) {
            if (need.required()) {
                assertEquals(Verdict.THERE, need.verdict(), need.name());
            }
        }
    }

    @Test
    void shouldAnswerForEveryName() {
        List<String> silent = new ArrayList<>();
        for (String name : Features.names()) {
            Verdict verdict = Features.probe(name);
            if (verdict.there() != verdict.why().isEmpty()) {
                silent.add(name + ": " + verdict);
            }
        }
        assertEquals(List.of(), silent);
        assertEquals(49, Features.names().size());
    }

    @Test
    void shouldAgreeWithThisMachine() {
        assertTrue(Features.probe("mnt_id").there());
        assertTrue(Features.probe("fdinfo_lock").there());
        assertTrue(Features.probe("seccomp_filters").there());
        assertEquals(Files.exists(Path.of("/dev/net/tun")), Features.probe("tun").there(), "tun");
        assertEquals(
                Files.exists(Path.of("/proc/self/ns/cgroup")),
                Features.probe("cgroupns").there(),
                "cgroupns");
    }

    @Test
    void shouldLeaveNoProcessBehind() {
        long before = ProcessHandle.current().children().count();
        Features.probe("get_rseq_conf");
        Features.probe("clone3_set_tid");
        assertEquals(before, ProcessHandle.current().children().count());
    }
}
