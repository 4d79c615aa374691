package jcriu.resource;

import java.util.List;
import java.util.function.IntPredicate;
import jcriu.errors.EnvironmentException;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.jcriu_thread;
import jcriu.image.proto.rlimit_entry;
import jcriu.image.proto.task_core_entry;
import jcriu.image.proto.thread_core_entry;
import jcriu.proc.Capabilities;
import jcriu.proc.Limits;
import jcriu.proc.Stat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What jcriu may do; and what a restore does without, under {@code --unprivileged}, where it may
 * not: limits, priorities and the like, which a program can live with. Each is a warning.
 *
 * <p>Source: capabilities(7), setrlimit(2), sched(7), proc_pid_oom_score_adj(5).
 */
public final class Privileges {
    private static final Logger LOG = LoggerFactory.getLogger("restore");
    private static final int SCHED_OTHER = 0;
    private static final int SCHED_FIFO = 1;
    private static final int SCHED_RR = 2;

    private final Capabilities has;
    private final Limits limits;
    private final int nice;
    private final int oomScore;
    private final IntPredicate mayScore;

    /**
     * @param has capabilities
     * @param limits, nice, oomScore what our processes have
     * @param mayScore whether they may have an oom_score_adj
     */
    Privileges(Capabilities has, Limits limits, int nice, int oomScore, IntPredicate mayScore) {
        this.has = has;
        this.limits = limits;
        this.nice = nice;
        this.oomScore = oomScore;
        this.mayScore = mayScore;
    }

    /** Those of this process. */
    public static Privileges ours() {
        int self = (int) ProcessHandle.current().pid();
        return new Privileges(
                Capabilities.effective(),
                Limits.read(self),
                Stat.read(self).nice(),
                TaskExtras.oomScore(),
                TaskExtras::mayScore);
    }

    /**
     * Refuses to begin without what every dump, or restore, needs.
     *
     * @param dump whether it is a dump, which looks into processes that are not ours
     * @param unprivileged whether the caller wants to do without root
     */
    public void require(boolean dump, boolean unprivileged) {
        if (dump && !has.has(Capabilities.CAP_SYS_PTRACE)) {
            throw lacks("CAP_SYS_PTRACE", unprivileged);
        }
        if (!has.has(Capabilities.CAP_CHECKPOINT_RESTORE) && !has.has(Capabilities.CAP_SYS_ADMIN)) {
            throw lacks("CAP_CHECKPOINT_RESTORE", unprivileged);
        }
    }

    private static EnvironmentException lacks(String capability, boolean unprivileged) {
        String asRoot = "run it as root, e.g. with sudo; in a container, let it have " + capability;
        String asUser =
                "have it started with CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE, as"
                        + " docs/privileges.md#as-a-user shows";
        return (EnvironmentException)
                new EnvironmentException("jcriu lacks the capability " + capability)
                        .withHint(unprivileged ? asUser : asRoot);
    }

    /** Lowers in its core images, the leader's first, what a process had and may not get. */
    public void lower(int pid, List<core_entry> cores) {
        core_entry leader = cores.get(0);
        if (!leader.hasTc()) {
            return;
        }
        task_core_entry tc = lower(pid, leader.getTc());
        cores.set(0, leader.toBuilder().setTc(tc).build());
        for (int i = 0; i < cores.size(); i++) {
            core_entry core = cores.get(i);
            if (core.hasThreadCore()) {
                thread_core_entry thread = lower(pid, core.getThreadCore(), tc);
                cores.set(i, core.toBuilder().setThreadCore(thread).build());
            }
        }
    }

    private task_core_entry lower(int pid, task_core_entry tc) {
        task_core_entry.Builder out = tc.toBuilder();
        if (tc.hasOomScoreAdj() && !mayScore.test(tc.getOomScoreAdj())) {
            leftOut(pid, "oom_score_adj", tc.getOomScoreAdj(), oomScore);
            out.setOomScoreAdj(oomScore);
        }
        if (has.has(Capabilities.CAP_SYS_RESOURCE)) {
            return out.build();
        }
        for (int i = 0; i < Math.min(Limits.NR_LIMITS, tc.getRlimits().getRlimitsCount()); i++) {
            rlimit_entry limit = tc.getRlimits().getRlimits(i);
            long ours = limits.hard(i);
            if (Long.compareUnsigned(limit.getMax(), ours) > 0) {
                String what = "the hard limit for " + Limits.name(i);
                leftOut(pid, what, Limits.text(limit.getMax()), Limits.text(ours));
                boolean softer = Long.compareUnsigned(limit.getCur(), ours) < 0;
                out.getRlimitsBuilder()
                        .setRlimits(
                                i,
                                rlimit_entry
                                        .newBuilder()
                                        .setCur(softer ? limit.getCur() : ours)
                                        .setMax(ours));
            }
        }
        return out.build();
    }

    /** A thread's priorities, bounded by the limits that its process will have. */
    private thread_core_entry lower(int pid, thread_core_entry thread, task_core_entry tc) {
        if (has.has(Capabilities.CAP_SYS_NICE)) {
            return thread;
        }
        thread_core_entry.Builder out = thread.toBuilder();
        int wanted = thread.getSchedNice();
        if (wanted < nice && 20 - wanted > soft(tc, Limits.RLIMIT_NICE)) {
            leftOut(pid, "the nice value", wanted, nice);
            out.setSchedNice(nice);
        }
        int policy = thread.getSchedPolicy();
        if ((policy == SCHED_FIFO || policy == SCHED_RR)
                && thread.getSchedPrio() > soft(tc, Limits.RLIMIT_RTPRIO)) {
            leftOut(pid, "the real-time priority", thread.getSchedPrio(), "none");
            out.setSchedPolicy(SCHED_OTHER).setSchedPrio(0);
        }
        return out.build();
    }

    private long soft(task_core_entry tc, int resource) {
        long soft =
                resource < tc.getRlimits().getRlimitsCount()
                        ? tc.getRlimits().getRlimits(resource).getCur()
                        : limits.soft(resource);
        return soft == Limits.RLIM_INFINITY ? Long.MAX_VALUE : soft;
    }

    /** The same of what CRIU's images have no place for; null if there is nothing. */
    public jcriu_task lower(jcriu_task task) {
        if (task == null || has.has(Capabilities.CAP_SYS_RESOURCE)) {
            return task;
        }
        jcriu_task.Builder out = task.toBuilder();
        for (jcriu_thread.Builder thread : out.getThreadsBuilderList()) {
            if (thread.getIoFlusher()) {
                leftOut(task.getPid(), "PR_SET_IO_FLUSHER", "set", "not set");
                thread.clearIoFlusher();
            }
        }
        return out.build();
    }

    private static void leftOut(int pid, String what, Object was, Object is) {
        LOG.warn("pid {}: {} was {}, and is {} without privileges", pid, what, was, is);
    }
}
