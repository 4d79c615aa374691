package jcriu.tracee;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** One task of a {@link FrozenTree}: its threads, the leader first; a zombie has none. */
public final class FrozenTask {
    private final int pid;
    private FrozenTask parent;
    private final List<Tracee> threads = new ArrayList<>();
    private boolean zombie;
    private Tracee caller;

    FrozenTask(int pid, FrozenTask parent) {
        this.pid = pid;
        this.parent = parent;
    }

    public int pid() {
        return pid;
    }

    /** Null for the root of the tree. */
    public FrozenTask parent() {
        return parent;
    }

    public boolean zombie() {
        return zombie;
    }

    public List<Tracee> threads() {
        return Collections.unmodifiableList(threads);
    }

    public Tracee leader() {
        return threads.get(0);
    }

    /** The thread that makes single calls: the leader, unless somebody said otherwise. */
    public Tracee caller() {
        return caller == null ? leader() : caller;
    }

    /** Names the thread that has a way back from single calls, {@link StackFrame#give}. */
    public void caller(Tracee thread) {
        caller = thread;
    }

    boolean hasThread(int tid) {
        for (Tracee thread : threads) {
            if (thread.tid() == tid) {
                return true;
            }
        }
        return false;
    }

    void add(Tracee thread) {
        threads.add(thread.isLeader() ? 0 : threads.size(), thread);
    }

    void remove(Tracee thread) {
        threads.remove(thread);
    }

    void adoptedBy(FrozenTask task) {
        parent = task;
    }

    void becomeZombie() {
        zombie = true;
        threads.clear();
    }
}
