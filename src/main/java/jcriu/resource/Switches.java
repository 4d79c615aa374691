package jcriu.resource;

import static jcriu.kernel.ProcessConstants.*;

import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.jcriu_thread;
import jcriu.kernel.Syscall;
import jcriu.proc.Capabilities;
import jcriu.proc.Stat;
import jcriu.sys.Native;
import jcriu.tracee.RemoteBatch;

/**
 * What a thread has switched on or off for itself: reading the time stamp counter, CPUID,
 * speculation, the duties of an I/O flusher, when memory errors kill. A fresh thread has the
 * defaults.
 *
 * <p>Source: PR_SET_TSC(2const), PR_SET_SPECULATION_CTRL(2const), PR_SET_IO_FLUSHER(2const),
 * PR_MCE_KILL(2const), arch_prctl(2).
 */
public final class Switches {
    private static final int OFF = PR_SPEC_DISABLE | PR_SPEC_FORCE_DISABLE | PR_SPEC_DISABLE_NOEXEC;

    /**
     * PF_MEMALLOC_NOIO, include/linux/sched.h: a thread at a stop has it as an I/O flusher only.
     */
    private static final long NO_IO = 0x80000;

    private final RemoteBatch batch;
    private final long tsc;
    private final int cpuid;
    private final int mceKill;
    private final int[] speculation = new int[PR_SPEC_L1D_FLUSH + 1];

    private Switches(RemoteBatch batch) {
        this.batch = batch;
        tsc = batch.data(4);
        batch.tolerate(Syscall.PRCTL, PR_GET_TSC, tsc);
        cpuid = batch.tolerate(Syscall.ARCH_PRCTL, ARCH_GET_CPUID, 0);
        mceKill = batch.tolerate(Syscall.PRCTL, PR_MCE_KILL_GET, 0, 0, 0, 0);
        for (int i = 0; i < speculation.length; i++) {
            speculation[i] = batch.tolerate(Syscall.PRCTL, PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
        }
    }

    /** Adds the questions that only the thread itself can ask. */
    static Switches ask(RemoteBatch batch) {
        return new Switches(batch);
    }

    void dump(Stat stat, jcriu_thread.Builder thread) {
        if (batch.getInt(tsc) == PR_TSC_SIGSEGV) {
            thread.setTscFaults(true);
        }
        if (batch.result(cpuid) == 0) {
            thread.setCpuidFaults(true);
        }
        if ((stat.flags() & NO_IO) != 0) {
            thread.setIoFlusher(true);
        }
        long policy = batch.result(mceKill);
        if (!Native.failed(policy) && policy != PR_MCE_KILL_DEFAULT) {
            thread.setMceKill((int) policy);
        }
        boolean any = false;
        for (int index : speculation) {
            any |= isOff(batch.result(index));
        }
        for (int i = 0; any && i < speculation.length; i++) {
            thread.addSpeculation((int) Math.max(0, batch.result(speculation[i])));
        }
    }

    /** Whether a thread has switched it off, and may say so to the kernel again. */
    private static boolean isOff(long state) {
        return !Native.failed(state) && (state & PR_SPEC_PRCTL) != 0 && (state & OFF) != 0;
    }

    // ------------------------------------------------------------------ restore

    /** Refuses what the restore may not switch, before anything is made. */
    public static void check(jcriu_task task) {
        if (Capabilities.effective().has(Capabilities.CAP_SYS_RESOURCE)) {
            return;
        }
        for (jcriu_thread thread : task.getThreadsList()) {
            if (thread.getIoFlusher()) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "thread "
                                        + thread.getTid()
                                        + " was an I/O flusher (PR_SET_IO_FLUSHER), and jcriu"
                                        + " lacks CAP_SYS_RESOURCE to make it one")
                        .withHint("restore as root with that capability");
            }
        }
    }

    /** Adds what the thread switches. */
    static void restore(jcriu_thread thread, RemoteBatch batch) {
        if (thread.getTscFaults()) {
            batch.add("let RDTSC fault", Syscall.PRCTL, PR_SET_TSC, PR_TSC_SIGSEGV);
        }
        if (thread.getCpuidFaults()) {
            batch.add("let CPUID fault", Syscall.ARCH_PRCTL, ARCH_SET_CPUID, 0);
        }
        if (thread.getIoFlusher()) {
            batch.add("become an I/O flusher", Syscall.PRCTL, PR_SET_IO_FLUSHER, 1, 0, 0, 0);
        }
        if (thread.hasMceKill()) {
            batch.add(
                    "say when memory errors kill",
                    Syscall.PRCTL,
                    PR_MCE_KILL,
                    PR_MCE_KILL_SET,
                    thread.getMceKill(),
                    0,
                    0);
        }
        for (int i = 0; i < thread.getSpeculationCount(); i++) {
            if (isOff(thread.getSpeculation(i))) {
                batch.add(
                        "switch speculation off",
                        Syscall.PRCTL,
                        PR_SET_SPECULATION_CTRL,
                        i,
                        thread.getSpeculation(i) & OFF,
                        0,
                        0);
            }
        }
    }
}
