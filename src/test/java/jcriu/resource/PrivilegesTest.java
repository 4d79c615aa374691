package jcriu.resource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import jcriu.errors.EnvironmentException;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.jcriu_thread;
import jcriu.image.proto.rlimit_entry;
import jcriu.image.proto.task_core_entry;
import jcriu.image.proto.task_rlimits_entry;
import jcriu.image.proto.thread_core_entry;
import jcriu.proc.Capabilities;
import jcriu.proc.Limits;
import org.junit.jupiter.api.Test;

class PrivilegesTest {
    private static final long ALL = -1L;
    private static final long USERS =
            1L << Capabilities.CAP_SYS_PTRACE | 1L << Capabilities.CAP_CHECKPOINT_RESTORE;

    /**
     * Of a process with nice 0 and oom_score_adj 0, all of whose limits are 100, the soft ones 0.
     */
    private static Privileges with(long capabilities) {
        long[][] limits = new long[Limits.NR_LIMITS][];
        for (int i = 0; i < limits.length; i++) {
            limits[i] = new long[] {0, 100};
        }
        Capabilities has = new Capabilities(capabilities);
        return new Privileges(
                has,
                new Limits(limits),
                0,
                0,
                score -> score >= 0 || has.has(Capabilities.CAP_SYS_RESOURCE));
    }

    private static core_entry.Builder core(int nice, int policy, int priority) {
        return core_entry
                .newBuilder()
                .setMtype(core_entry.march.X86_64)
                .setThreadCore(
                        thread_core_entry
                                .newBuilder()
                                .setFutexRla(0)
                                .setFutexRlaLen(0)
                                .setSchedNice(nice)
                                .setSchedPolicy(policy)
                                .setSchedPrio(priority));
    }

    private static List<core_entry> process(
            int nice, int policy, int priority, int score, long max) {
        task_rlimits_entry.Builder limits = task_rlimits_entry.newBuilder();
        for (int i = 0; i < Limits.NR_LIMITS; i++) {
            limits.addRlimits(rlimit_entry.newBuilder().setCur(max - 1).setMax(max));
        }
        task_core_entry.Builder tc =
                task_core_entry
                        .newBuilder()
                        .setTaskState(1)
                        .setExitCode(0)
                        .setPersonality(0)
                        .setFlags(0)
                        .setBlkSigset(0)
                        .setComm("program")
                        .setOomScoreAdj(score)
                        .setRlimits(limits);
        return new ArrayList<>(
                List.of(
                        core(nice, policy, priority).setTc(tc).build(),
                        core(nice, policy, priority).build()));
    }

    @Test
    void shouldChangeNothingThatMayBeSet() {
        List<core_entry> cores = process(-5, 1, 40, -500, 1000);
        List<core_entry> before = List.copyOf(cores);
        with(ALL).lower(5, cores);
        assertEquals(before, cores);
        List<core_entry> harmless = process(5, 0, 0, 500, 100);
        before = List.copyOf(harmless);
        with(USERS).lower(5, harmless);
        assertEquals(before, harmless);
    }

    @Test
    void shouldKeepOurHardLimitsWhereTheyAreLower() {
        List<core_entry> cores = process(0, 0, 0, 0, Limits.RLIM_INFINITY);
        with(USERS).lower(5, cores);
        for (rlimit_entry limit : cores.get(0).getTc().getRlimits().getRlimitsList()) {
            assertEquals(100, limit.getMax());
            assertEquals(100, limit.getCur());
        }
    }

    @Test
    void shouldKeepTheScoreOfJcriu() {
        List<core_entry> cores = process(0, 0, 0, -500, 10);
        with(USERS).lower(5, cores);
        assertEquals(0, cores.get(0).getTc().getOomScoreAdj());
    }

    @Test
    void shouldLowerPrioritiesThatTheLimitsOfTheProcessForbid() {
        List<core_entry> cores = process(-5, 2, 40, 0, 20);
        with(USERS).lower(5, cores);
        for (core_entry core : cores) {
            assertEquals(0, core.getThreadCore().getSchedNice());
            assertEquals(0, core.getThreadCore().getSchedPolicy());
            assertEquals(0, core.getThreadCore().getSchedPrio());
        }
        List<core_entry> allowed = process(-5, 2, 40, 0, 41); // RLIMIT_NICE 25, RLIMIT_RTPRIO 40
        List<core_entry> before = List.copyOf(allowed);
        with(USERS).lower(5, allowed);
        assertEquals(before, allowed);
    }

    @Test
    void shouldNotMakeIoFlushers() {
        jcriu_task task =
                jcriu_task
                        .newBuilder()
                        .setPid(5)
                        .addThreads(jcriu_thread.newBuilder().setTid(5).setIoFlusher(true))
                        .build();
        assertTrue(with(ALL).lower(task).getThreads(0).getIoFlusher());
        assertFalse(with(USERS).lower(task).getThreads(0).getIoFlusher());
    }

    @Test
    void shouldTellAUserWhatToDoInsteadOfBecomingRoot() {
        Privileges none = with(0);
        EnvironmentException failure =
                assertThrows(EnvironmentException.class, () -> none.require(true, true));
        assertEquals("jcriu lacks the capability CAP_SYS_PTRACE", failure.what());
        assertTrue(failure.hint().contains("privileges.md#as-a-user"), failure.hint());
        failure = assertThrows(EnvironmentException.class, () -> none.require(false, false));
        assertEquals("jcriu lacks the capability CAP_CHECKPOINT_RESTORE", failure.what());
        assertTrue(failure.hint().contains("as root"), failure.hint());
        with(USERS).require(true, true);
    }
}
