package jcriu.resource;

import static jcriu.kernel.ProcessConstants.*;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.jcriu_thread;
import jcriu.image.proto.rseq_entry;
import jcriu.image.proto.seccomp_mode;
import jcriu.image.proto.siginfo_entry;
import jcriu.image.proto.signal_queue_entry;
import jcriu.image.proto.thread_core_entry;
import jcriu.image.proto.thread_info_x86;
import jcriu.image.proto.thread_sas_entry;
import jcriu.image.proto.user_desc_t;
import jcriu.kernel.Syscall;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.tracee.Registers;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.RemoteMemory;
import jcriu.tracee.SignalFrame;
import jcriu.tracee.Tracee;

/**
 * One thread: registers, signal mask and private pending signals, alternative stack, robust list,
 * clear_child_tid, rseq, scheduling, credentials, name.
 */
public final class ThreadState {
    /** More than the calls that a thread's batch has behind its pending signals. */
    private static final int MOST_AFTER = 64;

    private final Tracee thread;
    private Status status;
    private RemoteBatch batch;
    private long stack;
    private long words;
    private int securebits;
    private Switches switches;
    private NumaPolicy numa;
    private int timerSlack;
    private byte[] xstate;
    private SignalFrame wayBack;
    private List<byte[]> pending;
    private long[] rseq;
    private int seccompFilter;

    public ThreadState(Tracee thread) {
        this.thread = thread;
    }

    public Tracee thread() {
        return thread;
    }

    /** Reads what can be seen from outside; called before the first remote call. */
    public void observe() {
        status = Status.readThread(thread.pid(), thread.tid());
        if (thread.registers().get(Registers.Reg.CS) != Registers.USER_CS) {
            throw new UnsupportedStateException(
                    "thread " + thread.tid() + " runs 32-bit code, which is not supported");
        }
        if (thread.dispatchesSyscalls()) {
            throw new UnsupportedStateException(
                            "thread "
                                    + thread.tid()
                                    + " has its system calls dispatched to itself"
                                    + " (PR_SET_SYSCALL_USER_DISPATCH), which is not supported")
                    .withHint("see docs/limits.md#threads");
        }
        abortRseq();
        if (status.seccomp() != 0) {
            thread.suspendSeccomp();
        }
        thread.trapOf(status);
        xstate = thread.xstate();
        wayBack = new SignalFrame(thread, xstate, status);
    }

    /** What the thread goes on from if it loses its tracer while it answers. */
    public SignalFrame wayBack() {
        return wayBack;
    }

    public Status status() {
        return status;
    }

    /**
     * A thread that stopped inside a restartable sequence would lose the restart to our remote
     * calls, and to a restore: it is moved to the abort handler, as a preemption would have done.
     *
     * <p>{@code struct rseq_cs {u32 version, flags; u64 start_ip, post_commit_offset, abort_ip}}.
     * Source: rseq(2), include/uapi/linux/rseq.h.
     */
    private void abortRseq() {
        long area = thread.rseq()[0];
        if (area == 0) {
            return;
        }
        long cs = longAt(RemoteMemory.read(thread.pid(), area + 8, 8), 0);
        if (cs == 0) {
            return;
        }
        byte[] section = RemoteMemory.read(thread.pid(), cs, 32);
        long start = longAt(section, 8);
        long length = longAt(section, 16);
        long abort = longAt(section, 24);
        Registers registers = thread.registers();
        if (Long.compareUnsigned(registers.instructionPointer() - start, length) < 0) {
            Registers moved = new Registers(registers);
            moved.set(Registers.Reg.RIP, abort);
            thread.continueWith(moved, thread.signalMask());
        }
    }

    private static long longAt(byte[] bytes, int offset) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong(offset);
    }

    /** Adds the questions that only the thread itself can ask. */
    public void ask(RemoteBatch batch) {
        this.batch = batch;
        batch.wayBack(wayBack);
        stack = batch.data(STACK_T_SIZE);
        words = batch.data(24);
        batch.add("", Syscall.SIGALTSTACK, 0, stack);
        batch.add("", Syscall.PRCTL, PR_GET_TID_ADDRESS, words);
        batch.add("", Syscall.PRCTL, PR_GET_PDEATHSIG, words + 8);
        securebits = batch.add("", Syscall.PRCTL, PR_GET_SECUREBITS);
        timerSlack = batch.add("", Syscall.PRCTL, PR_GET_TIMERSLACK);
        switches = Switches.ask(batch);
        numa = NumaPolicy.ask(batch);
    }

    /** Adds what CRIU's messages have no field for. */
    void dump(jcriu_thread.Builder extras) {
        int tid = thread.tid();
        extras.setTid(tid).setTimerslackNs(batch.result(timerSlack));
        switches.dump(Stat.readThread(thread.pid(), tid), extras);
        numa.dump(extras);
    }

    /** Reads what only the tracer can read, when the thread has answered. */
    public void gather(Seccomp seccomp) {
        pending = thread.pendingSignals(false);
        rseq = thread.rseq();
        if (status.seccomp() == SECCOMP_MODE_FILTER) {
            seccompFilter = seccomp.dump(thread);
        }
    }

    /** Makes the thread's part of a core image; asks neither the thread nor ptrace. */
    public core_entry.Builder dump() {
        int tid = thread.tid();
        Stat stat = Stat.readThread(thread.pid(), tid);
        Scheduling.check("pid " + thread.pid(), tid);
        long[] robust = thread.robustList();
        thread_core_entry.Builder core =
                thread_core_entry
                        .newBuilder()
                        .setFutexRla(robust[0])
                        .setFutexRlaLen((int) robust[1])
                        .setSchedNice(stat.nice())
                        .setSchedPolicy(stat.policy())
                        .setBlkSigset(thread.signalMask())
                        .setSas(
                                thread_sas_entry
                                        .newBuilder()
                                        .setSsSp(batch.getLong(stack))
                                        .setSsFlags(batch.getInt(stack + 8))
                                        .setSsSize(batch.getLong(stack + 16)))
                        .setSignalsP(queue(pending))
                        .setCreds(Credentials.dump(status, (int) batch.result(securebits)))
                        .setCommBytes(ByteString.copyFrom(stat.commBytes()))
                        .setCgSet(1);
        if (stat.rtPriority() != 0) {
            core.setSchedPrio(stat.rtPriority());
        }
        int pdeath = batch.getInt(words + 8);
        if (pdeath != 0) {
            core.setPdeathSig(pdeath);
        }
        if (rseq[0] != 0) {
            core.setRseqEntry(
                    rseq_entry
                            .newBuilder()
                            .setRseqAbiPointer(rseq[0])
                            .setRseqAbiSize((int) rseq[1])
                            .setSignature((int) rseq[2]));
        }
        if (status.seccomp() == SECCOMP_MODE_STRICT) {
            core.setSeccompMode(seccomp_mode.strict);
        } else if (status.seccomp() == SECCOMP_MODE_FILTER) {
            core.setSeccompMode(seccomp_mode.filter).setSeccompFilter(seccompFilter);
        }
        thread_info_x86.Builder info =
                thread_info_x86
                        .newBuilder()
                        .setClearTidAddr(batch.getLong(words))
                        .setGpregs(X86Registers.dump(thread.registers()))
                        .setFpregs(X86Fpu.dump(xstate, tid));
        for (int entry = 12; entry < 15; entry++) {
            info.addTls(emptyTls(entry));
        }
        return core_entry
                .newBuilder()
                .setMtype(core_entry.march.X86_64)
                .setThreadInfo(info)
                .setThreadCore(core);
    }

    /** 64-bit code keeps its TLS in fs_base; the three descriptor slots are unused. */
    private static user_desc_t emptyTls(int entry) {
        return user_desc_t
                .newBuilder()
                .setEntryNumber(entry)
                .setBaseAddr(0)
                .setLimit(0)
                .setSeg32Bit(false)
                .setContentsH(false)
                .setContentsL(false)
                .setReadExecOnly(true)
                .setLimitInPages(false)
                .setSegNotPresent(true)
                .setUsable(false)
                .build();
    }

    /** The signals of a queue, as a set. */
    public static long signals(signal_queue_entry queue) {
        long set = 0;
        for (siginfo_entry entry : queue.getSignalsList()) {
            set |= 1L << signalNumber(entry.getSiginfo().toByteArray()) - 1;
        }
        return set;
    }

    static signal_queue_entry queue(List<byte[]> pending) {
        signal_queue_entry.Builder queue = signal_queue_entry.newBuilder();
        for (byte[] info : pending) {
            queue.addSignals(siginfo_entry.newBuilder().setSiginfo(ByteString.copyFrom(info)));
        }
        return queue.build();
    }

    // ------------------------------------------------------------------ restore

    /**
     * Adds what gives a fresh thread its state, except registers and what takes privileges away.
     */
    public static void restore(
            core_entry core, int pid, int tid, RemoteBatch batch, Runnable flush) {
        thread_core_entry t = core.getThreadCore();
        if (t.hasComm()) {
            batch.add(
                    "set the name",
                    Syscall.PRCTL,
                    PR_SET_NAME,
                    batch.cString(t.getCommBytes().toByteArray()));
        }
        if (t.getFutexRla() != 0) {
            batch.add(
                    "set the robust list",
                    Syscall.SET_ROBUST_LIST,
                    t.getFutexRla(),
                    t.getFutexRlaLen());
        }
        batch.add(
                "set clear_child_tid",
                Syscall.SET_TID_ADDRESS,
                core.getThreadInfo().getClearTidAddr());
        if (t.hasSas() && (t.getSas().getSsFlags() & SS_DISABLE) == 0) {
            long stack = batch.data(STACK_T_SIZE);
            batch.putLong(stack, t.getSas().getSsSp());
            batch.putInt(stack + 8, t.getSas().getSsFlags() & ~SS_ONSTACK);
            batch.putLong(stack + 16, t.getSas().getSsSize());
            batch.add("set the alternative stack", Syscall.SIGALTSTACK, stack, 0);
        }
        if (t.hasRseqEntry()) {
            rseq_entry rseq = t.getRseqEntry();
            batch.add(
                    "register rseq",
                    Syscall.RSEQ,
                    rseq.getRseqAbiPointer(),
                    rseq.getRseqAbiSize() & 0xffffffffL,
                    0,
                    rseq.getSignature() & 0xffffffffL);
        }
        long param = batch.data(8);
        batch.putInt(param, t.getSchedPrio());
        batch.add(
                "set the scheduling policy",
                Syscall.SCHED_SETSCHEDULER,
                0,
                t.getSchedPolicy(),
                param);
        batch.add("set the nice value", Syscall.SETPRIORITY, 0, 0, t.getSchedNice());
        for (siginfo_entry signal : t.getSignalsP().getSignalsList()) {
            if (!batch.fits(1 + MOST_AFTER, SIGINFO_SIZE)) {
                flush.run();
            }
            byte[] info = signal.getSiginfo().toByteArray();
            long at = batch.data(java.util.Arrays.copyOf(info, SIGINFO_SIZE));
            batch.add(
                    "queue a pending signal",
                    Syscall.RT_TGSIGQUEUEINFO,
                    pid,
                    tid,
                    signalNumber(info),
                    at);
        }
    }

    static int signalNumber(byte[] siginfo) {
        return ByteBuffer.wrap(siginfo).order(ByteOrder.LITTLE_ENDIAN).getInt(0);
    }

    /** Adds what takes privileges away; little can be done afterwards. */
    public static void restoreCredentials(core_entry core, Status ours, RemoteBatch batch) {
        thread_core_entry t = core.getThreadCore();
        if (t.hasCreds()) {
            Credentials.restore(t.getCreds(), ours, batch);
        }
        batch.add("set the parent-death signal", Syscall.PRCTL, PR_SET_PDEATHSIG, t.getPdeathSig());
    }

    /** Sets the registers with which the thread goes on. */
    public static void restoreRegisters(core_entry core, Tracee thread, String file) {
        byte[] xstate = thread.xstate();
        X86Fpu.restore(core.getThreadInfo().getFpregs(), xstate, file);
        thread.setXstate(xstate);
        long mask =
                core.getThreadCore().hasBlkSigset()
                        ? core.getThreadCore().getBlkSigset()
                        : core.getTc().getBlkSigset();
        thread.continueWith(X86Registers.restore(core.getThreadInfo().getGpregs()), mask);
    }
}
