package jcriu.tracee;

import static jcriu.kernel.ProcessConstants.*;
import static jcriu.kernel.PtraceConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.Errno;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.FileConstants;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.FaultPoint;
import jcriu.sys.Native;

/**
 * A tree of tasks with all their threads, stopped. {@link #close} lets them go on as if nothing had
 * been.
 *
 * <p>Tasks and threads appear while we stop others, so the tree is walked again until a walk finds
 * nothing new: a stopped thread makes no children.
 */
public final class FrozenTree implements AutoCloseable {
    private static final int SEIZE_TRIES = 10;

    /** After so many looks at a thread that does not stop: is it in a vfork(2)? */
    private static final int VFORK_SPINS = 20;

    private static final long SETTLE_NANOS = 1_000_000_000;

    /** What a function of the vDSO takes is well below a microsecond. */
    private static final long VDSO_PAUSE_NANOS = 10_000;

    private static final long VDSO_NANOS = 20_000_000;
    private static final long PATIENT_VDSO_NANOS = 20_000_000_000L;

    private final Map<Integer, FrozenTask> tasks = new HashMap<>();
    private final List<FrozenTask> order = new ArrayList<>();
    private final long deadlineNanos;
    private final Map<Integer, Long> vdsos;
    private boolean thawed;

    /** When threads that are in the vDSO are no longer waited for; 0 as long as there was none. */
    private long vdsoDeadlineNanos;

    /** A task was taken out, so a walk over {@link #order} may have left one out. */
    private boolean removed;

    private FrozenTree(long deadlineNanos, Map<Integer, Long> vdsos) {
        this.vdsos = vdsos;
        this.deadlineNanos = deadlineNanos;
    }

    /**
     * Stops a tree.
     *
     * @param timeoutMs how long stopping may take; when it runs out, everything goes on
     * @param vdsos where tasks have their vDSO, as far as that is known
     * @throws TaskGoneException if the root is gone
     * @throws JcriuException if a task cannot be seized or does not stop; everything goes on
     */
    public static FrozenTree freeze(int root, long timeoutMs, Map<Integer, Long> vdsos) {
        FrozenTree tree = new FrozenTree(System.nanoTime() + timeoutMs * 1_000_000, vdsos);
        try {
            tree.add(root, null);
            while (tree.walk() || tree.settle()) { // until nothing appears, and nothing has left
                Interruption.check();
                if (tree.late()) {
                    throw new JcriuException(
                                    Kind.ENVIRONMENT,
                                    "the tree of pid "
                                            + root
                                            + " makes new tasks faster than they can be stopped")
                            .withHint("try again later, or with a longer --timeout");
                }
            }
            return tree;
        } catch (RuntimeException | Error e) {
            tree.close();
            throw e;
        }
    }

    /** All tasks, zombies included, parents before children. */
    public List<FrozenTask> tasks() {
        return order;
    }

    public FrozenTask root() {
        return order.get(0);
    }

    private void add(int pid, FrozenTask parent) {
        FrozenTask task = new FrozenTask(pid, parent);
        tasks.put(pid, task);
        order.add(task);
    }

    private boolean walk() {
        boolean found = false;
        removed = false;
        List<Tracee> pending = new ArrayList<>();
        List<FrozenTask> owners = new ArrayList<>();
        for (int i = 0; i < order.size(); i++) {
            FrozenTask task = order.get(i);
            if (task.zombie()) {
                continue;
            }
            for (int tid : threadsOf(task)) {
                if (!task.hasThread(tid)) {
                    found = true;
                    Tracee thread = seize(task, tid);
                    if (thread != null) {
                        pending.add(thread);
                        owners.add(task);
                    }
                }
            }
            for (int child : childrenOf(task)) {
                if (!tasks.containsKey(child)) {
                    found = true;
                    add(child, task);
                }
            }
        }
        for (int i = 0; i < pending.size(); i++) {
            FrozenTask owner = owners.get(i);
            Tracee thread = pending.get(i);
            if (tasks.get(owner.pid()) != owner) {
                continue; // let go meanwhile, for a vfork
            }
            if (!awaitStop(thread)) {
                owner.remove(thread);
                if (owner.threads().isEmpty()) {
                    leaderGone(owner);
                }
            }
        }
        return found || removed;
    }

    /**
     * Now that all are stopped: what happened while they were being stopped. A zombie was reaped by
     * a parent that still ran; the children of a task that ended have another parent, and where
     * that is outside the tree they belong to it no longer, and are let go.
     *
     * @return whether another walk is needed
     */
    private boolean settle() {
        boolean changed = false;
        boolean again = true;
        while (again) {
            again = false;
            for (FrozenTask task : List.copyOf(order)) {
                if (task.parent() == null) {
                    continue;
                }
                FrozenTask parent = null;
                try {
                    parent = tasks.get(Stat.read(task.pid()).ppid());
                } catch (TaskGoneException e) {
                    // reaped
                }
                if (parent == null) {
                    for (Tracee thread : task.threads()) {
                        thread.release();
                    }
                    remove(task);
                    again = true;
                } else if (parent != task.parent()) {
                    task.adoptedBy(parent);
                    changed = true;
                }
            }
            changed |= again;
        }
        if (changed) {
            parentsFirst();
        }
        return changed;
    }

    private void parentsFirst() {
        List<FrozenTask> sorted = new ArrayList<>(List.of(order.get(0)));
        for (int i = 0; i < sorted.size(); i++) {
            for (FrozenTask task : order) {
                if (task.parent() == sorted.get(i)) {
                    sorted.add(task);
                }
            }
        }
        order.clear();
        order.addAll(sorted);
    }

    private void remove(FrozenTask task) {
        tasks.remove(task.pid());
        order.remove(task);
        removed = true;
    }

    /**
     * A thread in vfork(2) does not stop before its child has executed a program or ended: the
     * child is let go, and caught again by the next walk.
     */
    private void releaseVforkChildren(Tracee parent) {
        for (FrozenTask task : List.copyOf(order)) {
            boolean child = task.parent() != null && task.parent().pid() == parent.pid();
            if (child && !task.zombie() && sharesMemory(parent.pid(), task.pid())) {
                for (Tracee thread : List.copyOf(task.threads())) {
                    if (!thread.hasStopped()) {
                        awaitStop(thread);
                    }
                    thread.release();
                }
                remove(task);
            }
        }
    }

    private static boolean sharesMemory(int first, int second) {
        return Native.call(Syscall.KCMP, first, second, FileConstants.KCMP_VM, 0, 0) == 0;
    }

    private int[] threadsOf(FrozenTask task) {
        try {
            return ProcFs.tasks(task.pid());
        } catch (TaskGoneException e) {
            leaderGone(task);
            return new int[0];
        }
    }

    private static int[] childrenOf(FrozenTask task) {
        try {
            return ProcFs.children(task.pid());
        } catch (TaskGoneException e) {
            return new int[0];
        }
    }

    /** A task that ended before it could be stopped: a zombie stays, a reaped one is forgotten. */
    private void leaderGone(FrozenTask task) {
        if (task.parent() == null) {
            throw new TaskGoneException(task.pid(), "while it was being stopped");
        }
        try {
            if (Stat.read(task.pid()).isZombie()) {
                task.becomeZombie();
                return;
            }
        } catch (TaskGoneException e) {
            // reaped
        }
        remove(task);
    }

    private Tracee seize(FrozenTask task, int tid) {
        long r = Ptrace.raw(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD);
        // A thread that makes an exec takes the place, and number, of the first one, which is a
        // zombie for a moment. It is ours already where it was seized by its own number before.
        for (int i = 0; r == -Errno.EPERM.number() && i < SEIZE_TRIES && lives(task, tid); i++) {
            if (isOurs(task, tid)) {
                r = 0;
                break;
            }
            r = Ptrace.raw(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD);
        }
        if (Native.failed(r)) {
            Errno errno = Errno.ofResult(r);
            char state;
            boolean alone;
            try {
                state = Stat.readThread(task.pid(), tid).state();
                alone = ProcFs.tasks(task.pid()).length == 1;
            } catch (TaskGoneException e) {
                return null; // reaped meanwhile; the next walk does not find it
            }
            if (state == 'Z' || state == 'X') {
                if (tid == task.pid()) {
                    if (!alone) {
                        throw new jcriu.errors.UnsupportedStateException(
                                "pid "
                                        + tid
                                        + ": its first thread has exited while others live, which"
                                        + " is not supported");
                    }
                    if (task.parent() == null) {
                        throw new TaskGoneException(tid, "before it was stopped");
                    }
                    task.becomeZombie();
                }
                return null;
            }
            if (errno == Errno.ESRCH) {
                return null;
            }
            throw new SyscallException("cannot stop task " + tid + ": ptrace(SEIZE)", errno)
                    .withHint(
                            "check that no debugger or tracer is attached (TracerPid in /proc/"
                                    + tid
                                    + "/status) and that jcriu has CAP_SYS_PTRACE");
        }
        Tracee thread = new Tracee(tid, task.pid());
        task.add(thread);
        r = Ptrace.raw(PTRACE_INTERRUPT, tid, 0, 0);
        if (Native.failed(r) && r != -Errno.ESRCH.number()) {
            Native.check(r, "ptrace(INTERRUPT) on task " + tid);
        }
        FaultPoint.DUMP_SEIZE.pass();
        return thread;
    }

    private static boolean isOurs(FrozenTask task, int tid) {
        try {
            int tracer = Status.readThread(task.pid(), tid).tracerPid();
            return tracer == ProcessHandle.current().pid();
        } catch (TaskGoneException e) {
            return false;
        }
    }

    private static boolean lives(FrozenTask task, int tid) {
        try {
            char state = Stat.readThread(task.pid(), tid).state();
            return state != 'Z' && state != 'X';
        } catch (TaskGoneException e) {
            return false;
        }
    }

    private boolean late() {
        return System.nanoTime() - deadlineNanos > 0;
    }

    private static JcriuException didNotStop(Tracee thread) {
        return new JcriuException(
                        Kind.ENVIRONMENT,
                        "task "
                                + thread.tid()
                                + " did not stop in time (state "
                                + stateOf(thread)
                                + ")")
                .withHint(
                        "a task in state D waits for a device, a file server or a child that it made"
                                + " by vfork; try again later, or with a longer --timeout");
    }

    /** Waits until a seized thread has stopped; false if it ended instead. */
    private boolean awaitStop(Tracee thread) {
        int spins = 0;
        while (true) {
            int status;
            try {
                status = Ptrace.await(thread.tid(), WNOHANG);
            } catch (TaskGoneException e) {
                thread.forget();
                return false;
            }
            if (status == -1) {
                Interruption.check();
                if (late()) {
                    throw didNotStop(thread);
                }
                if (++spins % VFORK_SPINS == 0 && stateOf(thread) == 'D') {
                    releaseVforkChildren(thread);
                }
                if (spins > 50) {
                    java.util.concurrent.locks.LockSupport.parkNanos(50_000);
                }
                continue;
            }
            if (WaitStatus.gone(status)) {
                thread.forget();
                return false;
            }
            if (WaitStatus.eventStop(status)) {
                thread.stopped(status);
                if (!isInVdso(thread)) {
                    return true;
                }
                goOn(thread);
                continue;
            }
            // a signal that arrived first: deliver it; the stop that we asked for follows
            int signal = WaitStatus.event(status) == 0 ? WaitStatus.stopSignal(status) : 0;
            Ptrace.raw(PTRACE_CONT, thread.tid(), 0, signal);
        }
    }

    /**
     * Whether a thread is in code of the vDSO that reads data of this kernel: such a thread could
     * not be restored under another one. After some time it is taken as it is.
     */
    private boolean isInVdso(Tracee thread) {
        Long vdso = vdsos.get(thread.pid());
        if (vdso == null
                || thread.stopSignal() != 0
                || !Vdso.isInside(thread.registers().instructionPointer() - vdso)) {
            return false;
        }
        if (vdsoDeadlineNanos == 0) {
            vdsoDeadlineNanos =
                    System.nanoTime() + (Vdso.TREAT_AS_FOREIGN ? PATIENT_VDSO_NANOS : VDSO_NANOS);
        }
        return System.nanoTime() - vdsoDeadlineNanos < 0;
    }

    /**
     * Lets a stopped thread run for a moment, and stops it again. No step by step: a thread that
     * loses its tracer after a step is killed by the SIGTRAP of it.
     */
    private static void goOn(Tracee thread) {
        thread.goesOn();
        Ptrace.raw(PTRACE_CONT, thread.tid(), 0, 0);
        java.util.concurrent.locks.LockSupport.parkNanos(VDSO_PAUSE_NANOS);
        Ptrace.raw(PTRACE_INTERRUPT, thread.tid(), 0, 0);
    }

    private static char stateOf(Tracee thread) {
        try {
            return Stat.readThread(thread.pid(), thread.tid()).state();
        } catch (TaskGoneException e) {
            return 'X';
        }
    }

    /**
     * A thread that was seized and has not stopped yet cannot be let go: waits for its stop. One
     * that does not stop in time is let go by the kernel when we end.
     */
    private static void settle(Tracee thread, long deadline) {
        try {
            while (System.nanoTime() - deadline < 0) {
                int status = Ptrace.await(thread.tid(), WNOHANG);
                if (status == -1) {
                    java.util.concurrent.locks.LockSupport.parkNanos(50_000);
                } else if (WaitStatus.gone(status)) {
                    thread.forget();
                    return;
                } else if (WaitStatus.eventStop(status)) {
                    thread.stopped(status);
                    return;
                } else {
                    int signal = WaitStatus.event(status) == 0 ? WaitStatus.stopSignal(status) : 0;
                    Ptrace.raw(PTRACE_CONT, thread.tid(), 0, signal);
                }
            }
        } catch (TaskGoneException e) {
            thread.forget();
        }
    }

    /**
     * Lets everything go on: what has stopped at once, then what is still about to stop. Takes
     * notice of what was killed meanwhile: until then its parent would wait for it. Continues past
     * failures; the first one is thrown at the end.
     */
    @Override
    public void close() {
        if (thawed) {
            return;
        }
        thawed = true;
        List<Tracee> late = new ArrayList<>();
        List<Tracee> killed = new ArrayList<>();
        RuntimeException first = null;
        for (FrozenTask task : order) {
            for (Tracee thread : task.threads()) {
                if (thread.hasStopped()) {
                    first = release(thread, 0, killed, first);
                } else {
                    late.add(thread);
                }
            }
        }
        long settleBy = System.nanoTime() + SETTLE_NANOS;
        for (Tracee thread : late) {
            first = release(thread, settleBy, killed, first);
        }
        // the leader of a thread group is reported when all other threads are gone
        for (int i = killed.size() - 1; i >= 0; i--) {
            settle(killed.get(i), settleBy);
        }
        if (first != null) {
            throw first;
        }
    }

    private static RuntimeException release(
            Tracee thread, long settleBy, List<Tracee> killed, RuntimeException first) {
        try {
            if (!thread.hasStopped()) {
                settle(thread, settleBy);
            }
            if (!thread.release()) {
                killed.add(thread);
            }
            FaultPoint.DUMP_THAW.pass();
        } catch (RuntimeException e) {
            if (first == null) {
                return e;
            }
            first.addSuppressed(e);
        }
        return first;
    }

    /**
     * Lets go of everything with all tasks stopped: state T, as after SIGSTOP.
     *
     * <p>SIGSTOP is sent before the release, so no task runs an instruction in between.
     */
    public void leaveStopped() {
        for (FrozenTask task : order) {
            if (!task.zombie()) {
                Native.call(Syscall.KILL, task.pid(), SIGSTOP);
            }
        }
        close();
    }

    /** Kills every task, children first; registers and memory are as they are. */
    public void kill() {
        thawed = true;
        for (int i = order.size() - 1; i >= 0; i--) {
            FrozenTask task = order.get(i);
            if (!task.zombie()) {
                Native.call(Syscall.KILL, task.pid(), SIGKILL);
            }
        }
    }

    /** Waits until every killed task has given its memory back, i.e. is a zombie or reaped. */
    public void awaitKilled() {
        for (FrozenTask task : order) {
            // the leader of a thread group is reported when all other threads are gone
            for (int i = task.threads().size() - 1; i >= 0; i--) {
                Tracee thread = task.threads().get(i);
                try {
                    int status;
                    do {
                        status = Ptrace.await(thread.tid(), 0);
                    } while (!WaitStatus.gone(status));
                } catch (TaskGoneException e) {
                    // reported to somebody else, or never there
                }
                thread.forget();
            }
        }
    }
}
