package jcriu.resource;

import static jcriu.kernel.ProcessConstants.*;
import static jcriu.kernel.PtraceConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.proto.jcriu_task;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.tracee.FrozenTask;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Scratch;
import jcriu.tracee.SignalFrame;
import jcriu.tracee.Tracee;

/**
 * Stops and continuations as the parent sees them by waitid(2): whether a child is stopped, by what
 * signal, and whether its parent has been told.
 *
 * <p>The kernel remembers one event for each child, its last stop or its last continuation, until
 * the parent takes it. Only the parent can ask for it, and WNOWAIT leaves it there.
 */
public final class StopState {
    /** What the parent has not taken yet. */
    public enum Untold {
        NOTHING,
        STOP,
        CONTINUATION
    }

    private static final int SI_PID = 16;
    private static final int SI_CODE = 8;
    private static final int LOOK = WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT | __WALL;
    private static final int CHILDREN_AT_ONCE = 20;

    private final List<FrozenTask> tree;
    private final Map<Integer, Untold> untold = new HashMap<>();

    public StopState(List<FrozenTask> tree) {
        this.tree = tree;
    }

    /** Adds the question whether any child has an event for this task; where the answer will be. */
    static long ask(RemoteBatch batch) {
        long info = batch.data(SIGINFO_SIZE);
        batch.tolerate(Syscall.WAITID, P_ALL, 0, info, LOOK, 0);
        return info;
    }

    static boolean anyEvent(long info, RemoteBatch batch) {
        return batch.getInt(info + SI_PID) != 0;
    }

    /** Asks for each child in the parent's name; the parent's batch has ended. */
    public void gather(FrozenTask parent, Scratch scratch, SignalFrame wayBack) {
        List<Integer> children = new ArrayList<>();
        for (FrozenTask task : tree) {
            if (task.parent() == parent) {
                children.add(task.pid());
            }
        }
        for (int from = 0; from < children.size(); from += CHILDREN_AT_ONCE) {
            int to = Math.min(children.size(), from + CHILDREN_AT_ONCE);
            List<Long> infos = new ArrayList<>();
            try (RemoteBatch batch = scratch.part(0, 2 * SIGINFO_SIZE * CHILDREN_AT_ONCE)) {
                batch.wayBack(wayBack);
                for (int child : children.subList(from, to)) {
                    long info = batch.data(SIGINFO_SIZE);
                    infos.add(info);
                    batch.tolerate(Syscall.WAITID, P_PID, child, info, LOOK, 0);
                }
                batch.run(parent.leader());
                for (int i = 0; i < infos.size(); i++) {
                    if (batch.getInt(infos.get(i) + SI_PID) == children.get(from + i)) {
                        int code = batch.getInt(infos.get(i) + SI_CODE);
                        untold.put(
                                children.get(from + i),
                                code == CLD_CONTINUED ? Untold.CONTINUATION : Untold.STOP);
                    }
                }
            }
        }
    }

    /** Writes what the parent of a task has not been told. */
    void dump(int pid, boolean stopped, jcriu_task.Builder task) {
        Untold event = untold.getOrDefault(pid, Untold.NOTHING);
        if (stopped || event != Untold.NOTHING) {
            task.setUntoldEvent(event.ordinal());
        }
    }

    // ------------------------------------------------------------------ restore

    /** What an image says; one of another tool does not, and a stop is then not told yet. */
    public static Untold untold(jcriu_task task, boolean stopped) {
        if (task == null || !task.hasUntoldEvent()) {
            return stopped ? Untold.STOP : Untold.NOTHING;
        }
        int event = task.getUntoldEvent();
        return event >= 0 && event < Untold.values().length
                ? Untold.values()[event]
                : Untold.NOTHING;
    }

    /**
     * Stops a process that has one thread yet, as the signal {@code signo} would; threads that are
     * made later are stopped, too. Where the kernel ignores a stop from the terminal, as in a group
     * that nobody can continue, SIGSTOP does it.
     */
    public static void stop(Tracee leader, Scratch scratch, int signo) {
        int signal = signo == 0 ? SIGSTOP : signo;
        if (signal != SIGSTOP) {
            try (RemoteBatch batch = scratch.batch()) {
                long action = batch.data(KERNEL_SIGACTION_SIZE); // SIG_DFL
                batch.add("", Syscall.RT_SIGACTION, signal, action, 0, 8);
                batch.run(leader);
            }
        }
        if (!leader.groupStop(signal) && !leader.groupStop(SIGSTOP)) {
            throw new JcriuException(Kind.INTERNAL, "task " + leader.tid() + " does not stop");
        }
    }

    /** Continues a process that was just stopped; SIGCONT itself is taken from it. */
    public static void resume(Tracee leader, Scratch scratch) {
        Native.check(Native.call(Syscall.KILL, leader.pid(), SIGCONT), "continue " + leader.pid());
        take(leader, scratch, 1L << SIGCONT - 1, 1);
    }

    /** Makes a parent take the event of a child, as its own wait did. */
    public static void tell(Tracee parent, Scratch scratch, int child) {
        try (RemoteBatch batch = scratch.batch()) {
            long info = batch.data(SIGINFO_SIZE);
            batch.add(
                    "take the stop of a child",
                    Syscall.WAITID,
                    P_PID,
                    child,
                    info,
                    WSTOPPED | WCONTINUED | WNOHANG | __WALL,
                    0);
            batch.run(parent);
        }
    }

    /** Takes up to {@code count} pending signals of a set from a task that blocks all. */
    public static void take(Tracee task, Scratch scratch, long set, int count) {
        try (RemoteBatch batch = scratch.batch()) {
            long signals = batch.data(8);
            batch.putLong(signals, set);
            long none = batch.data(16);
            for (int i = 0; i < count; i++) {
                batch.tolerate(Syscall.RT_SIGTIMEDWAIT, signals, 0, none, 8);
            }
            batch.run(task);
        }
    }
}
