package jcriu.resource;

import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.jcriu_sched;
import jcriu.image.proto.jcriu_thread;
import jcriu.image.proto.thread_core_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteBatch;

/**
 * What sched_setattr(2) sets beside policy, priority and nice value, which a core image has: reset
 * on fork, the slice of a normal thread (Linux 6.12), utilisation clamps.
 *
 * <p>{@code struct sched_attr {u32 size, policy; u64 flags; s32 nice; u32 priority; u64 runtime,
 * deadline, period; u32 util_min, util_max}}.
 */
public final class Scheduling {
    private static final int ATTR_SIZE = 56;
    private static final int SCHED_DEADLINE = 6;
    private static final int SCHED_FLAG_RESET_ON_FORK = 1;
    private static final int SCHED_FLAG_UTIL_CLAMP = 0x60;
    private static final int UTIL_FULL = 1024;

    /** The slice that a thread has which asked for none, in ns; 0 where the kernel tells none. */
    private static final long DEFAULT_SLICE = slice(0);

    private Scheduling() {}

    private static long slice(int tid) {
        try (NativeMemory attr = NativeMemory.allocate(ATTR_SIZE)) {
            long r = Native.call(Syscall.SCHED_GETATTR, tid, attr.address(), ATTR_SIZE, 0);
            return Native.failed(r) ? 0 : attr.getLong(24);
        }
    }

    /**
     * Refuses what cannot be saved, while the thread runs.
     *
     * @throws UnsupportedStateException for SCHED_DEADLINE, whose budget is admitted machine-wide
     */
    public static void check(String name, int tid) {
        // the policy, with SCHED_RESET_ON_FORK above it
        long r = Native.call(Syscall.SCHED_GETSCHEDULER, tid);
        if (!Native.failed(r) && (r & 0xff) == SCHED_DEADLINE) {
            throw new UnsupportedStateException(
                            name
                                    + ": thread "
                                    + tid
                                    + " has the scheduling policy SCHED_DEADLINE, which is not"
                                    + " supported")
                    .withHint("see docs/limits.md#threads");
        }
    }

    /** Adds what a thread has that is unusual. */
    static void dump(int tid, jcriu_thread.Builder thread) {
        try (NativeMemory attr = NativeMemory.allocate(ATTR_SIZE)) {
            long r = Native.call(Syscall.SCHED_GETATTR, tid, attr.address(), ATTR_SIZE, 0);
            if (Native.failed(r)) {
                return;
            }
            boolean realtime = attr.getInt(20) != 0;
            boolean reset = (attr.getLong(8) & SCHED_FLAG_RESET_ON_FORK) != 0;
            long slice = attr.getLong(24);
            int min = attr.getInt(48);
            int max = attr.getInt(52);
            // a real-time thread's lower clamp is the machine's default, as a rule
            boolean clamped = max != 0 && (max != UTIL_FULL || min != 0 && !realtime);
            boolean sliced = !realtime && slice != DEFAULT_SLICE;
            if (!reset && !sliced && !clamped) {
                return;
            }
            jcriu_sched.Builder sched = jcriu_sched.newBuilder().setResetOnFork(reset);
            if (sliced) {
                sched.setSliceNs(slice);
            }
            if (clamped) {
                sched.setUtilMin(min).setUtilMax(max);
            }
            thread.setSched(sched);
        }
    }

    /** Adds what gives it back to a thread that has its policy already. */
    static void restore(jcriu_sched sched, core_entry core, RemoteBatch batch) {
        thread_core_entry t = core.getThreadCore();
        boolean clamped = sched.hasUtilMin() && sched.hasUtilMax();
        long attr = batch.data(ATTR_SIZE);
        batch.putInt(attr, ATTR_SIZE);
        batch.putInt(attr + 4, t.getSchedPolicy());
        batch.putLong(
                attr + 8,
                (sched.getResetOnFork() ? SCHED_FLAG_RESET_ON_FORK : 0)
                        | (clamped ? SCHED_FLAG_UTIL_CLAMP : 0));
        batch.putInt(attr + 16, t.getSchedNice());
        batch.putInt(attr + 20, t.getSchedPrio());
        batch.putLong(attr + 24, sched.getSliceNs());
        batch.putInt(attr + 48, sched.getUtilMin());
        batch.putInt(attr + 52, sched.getUtilMax());
        batch.add("set the scheduling attributes", Syscall.SCHED_SETATTR, 0, attr, 0);
    }
}
