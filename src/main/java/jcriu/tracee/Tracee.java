package jcriu.tracee;

import static jcriu.kernel.PtraceConstants.*;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.RemoteSyscallException;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Assembler;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;
import jcriu.proc.Status;
import jcriu.sys.FaultPoint;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * One thread that we stopped.
 *
 * <p>Precondition of every method: the thread is in a ptrace-stop, and the caller is the tracer
 * thread. {@link #release} puts registers and signal mask back and lets it run.
 *
 * <p>Rare cases in a remote call:
 *
 * <ol>
 *   <li>The thread was interrupted in a system call. Its registers say so (orig_rax, an -ERESTART
 *       result); the call we load says "not in a system call", or the kernel would restart the old
 *       one with our registers. Put back untouched, they make it restart by itself.
 *   <li>A signal arrives. All are blocked meanwhile, but the one that ends a batch. A call is made
 *       by PTRACE_SYSCALL, not by PTRACE_SINGLESTEP, whose SIGTRAP the kernel forces: that would
 *       reset the handler of a program that ignores it, and be mixed up with a step of its own.
 *   <li>SIGSTOP cannot be blocked: it is kept, and sent again on release.
 * </ol>
 */
public final class Tracee {
    private static final long ALL = ~0L;

    /** For a breakpoint: the kernel forces its SIGTRAP, and would reset the handler if blocked. */
    private static final long ALL_BUT_SIGTRAP = ~(1L << ProcessConstants.SIGTRAP - 1);

    /** The stop before or after a system call, under PTRACE_O_TRACESYSGOOD. */
    private static final int SYSCALL_STOP = ProcessConstants.SIGTRAP | 0x80;

    private static final int BATCH_END = Assembler.batchEnd(Native.ARCH);

    /** si_code of a signal sent by tgkill(2). */
    private static final int SI_TKILL = -6;

    private final int tid;
    private final int pid;
    private final Registers original = new Registers();
    private Registers scratchRegisters;
    private long originalMask;
    private boolean prepared;
    private boolean released;
    private boolean hasStopped;
    private boolean running;
    private int stopSignal;
    private long syscallAddress;
    private List<byte[]> deferredSignals;
    private int newChild;

    /** The signals that are blocked instead of {@link #originalMask}, or 0. */
    private long blocked;

    /** The stops before and after a call that are still to come. */
    private int syscallStops;

    /** Whether a SIGTRAP of ours is known to leave nothing behind. */
    private boolean mayStep;

    /** The way back from single calls; null: none. */
    private StackFrame stackFrame;

    /** How the call or batch that was started last goes on after a stop that does not end it. */
    private int resume;

    /** What ends batches without a way back; 0: a breakpoint. */
    private int endSignal;

    /** What ends the batch that was started last; a call and a breakpoint: 0. */
    private int batchSignal;

    private long batchEnd;

    Tracee(int tid, int pid) {
        this.tid = tid;
        this.pid = pid;
    }

    public int tid() {
        return tid;
    }

    /** The thread group that the thread belongs to. */
    public int pid() {
        return pid;
    }

    public boolean isLeader() {
        return tid == pid;
    }

    /** The signal that holds the thread in a group-stop, or 0 where it is not stopped by one. */
    public int stopSignal() {
        return stopSignal;
    }

    boolean hasStopped() {
        return hasStopped;
    }

    /** The thread runs again: it has to be stopped once more before anything is asked of it. */
    void goesOn() {
        hasStopped = false;
    }

    /** Called when the thread has stopped: what it will be given back on release. */
    void stopped(int status) {
        hasStopped = true;
        int signal = WaitStatus.stopSignal(status);
        stopSignal = signal == ProcessConstants.SIGTRAP ? 0 : signal;
        Ptrace.getRegset(tid, NT_PRSTATUS, original.bytes());
        originalMask = Ptrace.getSigmask(tid);
        if (original.isTakenUpAgain()) {
            original.takenUpBy(instruction(original.numberInstruction()));
        }
        if (original.undoInterruption()) {
            Ptrace.setRegset(tid, NT_PRSTATUS, original.bytes());
        }
    }

    /** No instruction where none can be read: at the beginning of a mapping, say. */
    private byte[] instruction(long address) {
        try {
            return RemoteMemory.read(pid, address, Registers.MOV_LENGTH);
        } catch (SyscallException e) {
            return new byte[Registers.MOV_LENGTH];
        }
    }

    /** Where this thread finds a {@code syscall} instruction, in its own vDSO. */
    public void syscallAddress(long address) {
        syscallAddress = address;
    }

    public long syscallAddress() {
        return syscallAddress;
    }

    /**
     * Says what the program makes of SIGTRAP: a step must neither reset its handler nor meet one.
     */
    public void trapOf(Status status) {
        long trap = 1L << ProcessConstants.SIGTRAP - 1;
        long used = status.sigIgn() | status.sigBlk() | status.sigPnd() | status.shdPnd();
        mayStep = (used & trap) == 0 && !original.steps();
    }

    /** Registers at the moment of the stop; what {@link #release} puts back. */
    public Registers registers() {
        return original;
    }

    /** The blocked signals at the moment of the stop; what {@link #release} puts back. */
    public long signalMask() {
        return originalMask;
    }

    /** Says what the thread continues with instead of what it had when it stopped. */
    public void continueWith(Registers registers, long signalMask) {
        System.arraycopy(registers.bytes(), 0, original.bytes(), 0, Registers.SIZE);
        originalMask = signalMask;
        prepared = true;
    }

    /** x87, SSE, AVX and later state in the layout of the XSAVE instruction, any size. */
    public byte[] xstate() {
        return Ptrace.getRegset(tid, NT_X86_XSTATE);
    }

    public void setXstate(byte[] xsave) {
        Ptrace.setRegset(tid, NT_X86_XSTATE, xsave);
    }

    /** Pending signals, oldest first, 128 bytes of siginfo each; they stay pending. */
    public List<byte[]> pendingSignals(boolean shared) {
        List<byte[]> all = new ArrayList<>();
        byte[] block = new byte[32 * ProcessConstants.SIGINFO_SIZE];
        int n;
        do {
            n = Ptrace.peekSiginfo(tid, all.size(), shared, block);
            for (int i = 0; i < n; i++) {
                all.add(
                        Arrays.copyOfRange(
                                block,
                                i * ProcessConstants.SIGINFO_SIZE,
                                (i + 1) * ProcessConstants.SIGINFO_SIZE));
            }
        } while (n == 32);
        return all;
    }

    /** {pointer, size, signature} of the registered rseq area, 0 where there is none. */
    public long[] rseq() {
        return Ptrace.rseq(tid);
    }

    /** Whether system calls of its come back to it as SIGSYS; so would ours. */
    public boolean dispatchesSyscalls() {
        return Ptrace.syscallDispatch(tid) != 0;
    }

    /** BPF program of the filter at {@code index}, newest first; null past the oldest. */
    public byte[] seccompFilter(int index) {
        return Ptrace.seccompFilter(tid, index);
    }

    public long seccompFlags(int index) {
        return Ptrace.seccompFlags(tid, index);
    }

    /** {head address, length} of the robust futex list, get_robust_list(2). */
    public long[] robustList() {
        try (NativeMemory out = NativeMemory.allocate(16)) {
            Native.check(
                    Native.call(Syscall.GET_ROBUST_LIST, tid, out.address(), out.address() + 8),
                    "get_robust_list of task " + tid);
            return new long[] {out.getLong(0), out.getLong(8)};
        }
    }

    private void prepare() {
        if (scratchRegisters == null) {
            scratchRegisters = new Registers(original);
            prepared = true;
        }
    }

    /** A thread that runs on with registers alone is better off than one with the mask alone. */
    private void load(long mask) {
        Ptrace.setRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
        if (blocked != mask) {
            Ptrace.setSigmask(tid, mask);
            blocked = mask;
        }
    }

    /** Makes a system call in the thread and returns the kernel's result, errors included. */
    public long call(Syscall call, long a0, long a1, long a2, long a3, long a4, long a5) {
        return call(false, call, a0, a1, a2, a3, a4, a5);
    }

    private long call(boolean step, Syscall call, long... a) {
        prepare();
        newChild = 0;
        batchSignal = 0;
        scratchRegisters.loadSyscall(syscallAddress, call, a[0], a[1], a[2], a[3], a[4], a[5]);
        load(step ? ALL_BUT_SIGTRAP : ALL);
        syscallStops = step ? 0 : 2;
        resume = step ? PTRACE_SINGLESTEP : PTRACE_SYSCALL;
        Ptrace.require(resume, tid, 0, 0, "resume");
        running = true;
        awaitTrap(call.lowerName());
        requirePlace(syscallAddress + 2, call);
        return scratchRegisters.result();
    }

    public long call(Syscall call, long... args) {
        long[] a = Arrays.copyOf(args, 6);
        return call(call, a[0], a[1], a[2], a[3], a[4], a[5]);
    }

    /** Makes a system call in the thread and throws where it fails. */
    public long require(Syscall call, long... args) {
        return require(false, call, args);
    }

    private long require(boolean step, Syscall call, long... args) {
        return succeeded(call(step, call, Arrays.copyOf(args, 6)), call, args);
    }

    private long succeeded(long result, Syscall call, long... args) {
        if (Native.failed(result)) {
            StringBuilder text = new StringBuilder(call.lowerName()).append('(');
            for (int i = 0; i < args.length; i++) {
                text.append(i == 0 ? "0x" : ", 0x").append(Long.toHexString(args[i]));
            }
            throw new RemoteSyscallException(
                    tid, text.append(')').toString(), Errno.ofResult(result));
        }
        return result;
    }

    /** What leads back from single calls, if there is anything. */
    void callAloneWith(StackFrame frame) {
        stackFrame = frame;
    }

    /** As {@link #requireAlone(FaultPoint, Syscall, long...)}, of a call that undoes another. */
    public long requireAlone(Syscall call, long... args) {
        return requireAlone(null, call, args);
    }

    /**
     * The same, and puts registers and mask back at once. Without a way back a thread that loses
     * its tracer in between is lost; so where it may it makes a step, which takes half as long.
     *
     * @param point in a call with a way back: when it is about to be made; null: nothing fails
     */
    public long requireAlone(FaultPoint point, Syscall call, long... args) {
        if (stackFrame != null) {
            return succeeded(callWithWayBack(point, call, Arrays.copyOf(args, 6)), call, args);
        }
        long result;
        try {
            result = require(mayStep, call, args);
        } finally {
            putBack();
        }
        if (mayStep) {
            leaveTrap();
        }
        return result;
    }

    /**
     * Makes a call that nobody needs to be there for. At all times the thread is before a
     * rt_sigreturn(2) that gives it what it had; only in the stop before that call, it becomes
     * another one, behind which the thread finds the program's own code for a rt_sigreturn.
     */
    private long callWithWayBack(FaultPoint point, Syscall call, long[] args) {
        ReturnCode code = stackFrame.code();
        byte[] was = stackFrame.put(pid);
        try {
            prepare();
            newChild = 0;
            batchSignal = 0;
            scratchRegisters.loadSignalReturn(code.call(), stackFrame.context());
            load(ALL);
            toNextCallStop(call);
            scratchRegisters.exchangeSyscall(code.start(), call, args);
            Ptrace.setRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
            try {
                if (point != null) {
                    point.pass();
                }
            } catch (RuntimeException e) {
                scratchRegisters.exchangeSyscall(code.start(), Syscall.GETPID, args);
                Ptrace.setRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
                toNextCallStop(call);
                throw e;
            }
            toNextCallStop(call);
            requirePlace(code.start(), call);
            return scratchRegisters.result();
        } finally {
            putBack();
            if (!released) {
                stackFrame.takeAway(pid, was);
            }
        }
    }

    private void toNextCallStop(Syscall call) {
        syscallStops = 1;
        resume = PTRACE_SYSCALL;
        Ptrace.require(resume, tid, 0, 0, "resume");
        running = true;
        awaitTrap(call.lowerName());
    }

    /** Reads the registers behind a call. */
    private void requirePlace(long expected, Syscall call) {
        Ptrace.getRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
        if (scratchRegisters.instructionPointer() != expected) {
            throw new JcriuException(
                    Kind.INTERNAL,
                    "task "
                            + tid
                            + " strayed in a remote "
                            + call.lowerName()
                            + ": "
                            + scratchRegisters);
        }
    }

    /**
     * A thread that made a step or a batch is stopped by a signal, which is delivered when its
     * tracer ends: moves it on, without an instruction, to a stop by no signal. (The stop behind a
     * call delivers none.)
     */
    private void leaveTrap() {
        if (released) {
            return;
        }
        Ptrace.require(PTRACE_INTERRUPT, tid, 0, 0, "INTERRUPT");
        while (true) {
            Ptrace.require(PTRACE_CONT, tid, 0, 0, "CONT");
            running = true;
            int status = Ptrace.await(tid, 0);
            running = false;
            if (WaitStatus.gone(status)) {
                released = true;
                throw new TaskGoneException(tid, "after a remote call");
            }
            if (WaitStatus.eventStop(status)) {
                return;
            }
            if (WaitStatus.event(status) == 0) {
                defer(Ptrace.siginfo(tid));
            }
        }
    }

    /**
     * Clones the thread: {@code clone3(args, CLONE_ARGS_SIZE)} with the structure at {@code args}
     * in its memory. The new thread or task is a tracee from its first moment, stopped.
     *
     * @return the new tracee
     */
    public Tracee clone3(long args, boolean thread) {
        require(Syscall.CLONE3, args, ProcessConstants.CLONE_ARGS_SIZE);
        if (newChild == 0) {
            throw new JcriuException(
                    Kind.INTERNAL, "task " + tid + " cloned nothing that we trace");
        }
        Tracee child = new Tracee(newChild, thread ? pid : newChild);
        int status = Ptrace.await(newChild, 0);
        if (WaitStatus.gone(status)) {
            throw new TaskGoneException(newChild, "clone3");
        }
        child.stopped(status);
        child.stopSignal = 0;
        child.syscallAddress = syscallAddress;
        child.endSignal = endSignal;
        return child;
    }

    /**
     * Starts a batch.
     *
     * @param wayBack null: a thread without a tracer is lost
     */
    void startBatch(long code, long entries, long count, SignalFrame wayBack) {
        prepare();
        syscallStops = 0;
        resume = PTRACE_CONT;
        batchSignal = wayBack == null ? endSignal : wayBack.signal();
        batchEnd = code + BATCH_END;
        if (batchSignal == 0) {
            scratchRegisters.loadBatch(code, entries, count);
            load(ALL_BUT_SIGTRAP);
        } else {
            long stack = wayBack == null ? scratchRegisters.stackPointer() : wayBack.context();
            scratchRegisters.loadBatch(code, entries, count, batchSignal, stack);
            load(~(1L << batchSignal - 1));
        }
        Ptrace.require(PTRACE_CONT, tid, 0, 0, "CONT");
        running = true;
    }

    /**
     * Waits until a started batch has ended.
     *
     * @return entries that were not done
     */
    long awaitBatch() {
        awaitTrap("batch");
        if (batchSignal == 0) {
            Ptrace.getRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
        }
        return scratchRegisters.batchEntriesLeft();
    }

    /**
     * After a failure: waits until a batch that may still run has ended.
     *
     * @return false if the thread is gone
     */
    public boolean awaitQuiet() {
        if (running) {
            try {
                awaitTrap("batch");
            } catch (TaskGoneException e) {
                return false;
            }
        }
        return !released;
    }

    /**
     * Whether a signal is the one that the thread sent itself at the end of a batch. Another of its
     * kind from elsewhere that came first has taken its place, and is kept.
     */
    private boolean endsBatch(int signal) {
        if (signal != batchSignal) {
            return false;
        }
        Ptrace.getRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
        if (scratchRegisters.instructionPointer() != batchEnd) {
            return false;
        }
        byte[] info = Ptrace.siginfo(tid);
        if (siCode(info) != SI_TKILL) {
            defer(info);
        }
        return true;
    }

    /** Waits for the stop that ends a call or a batch, past everything that is not it. */
    private void awaitTrap(String during) {
        while (true) {
            int status = Ptrace.await(tid, 0);
            running = false;
            if (WaitStatus.gone(status)) {
                released = true;
                throw new TaskGoneException(tid, "during a remote " + during);
            }
            int event = WaitStatus.event(status);
            if (event == PTRACE_EVENT_FORK
                    || event == PTRACE_EVENT_VFORK
                    || event == PTRACE_EVENT_CLONE) {
                newChild = (int) Ptrace.eventMessage(tid);
            } else if (event == 0) {
                if (WaitStatus.stopSignal(status) == SYSCALL_STOP) {
                    if (--syscallStops == 0) {
                        return;
                    }
                } else if (batchSignal != 0 && endsBatch(WaitStatus.stopSignal(status))) {
                    return;
                } else if (WaitStatus.stopSignal(status) == ProcessConstants.SIGTRAP) {
                    byte[] info = Ptrace.siginfo(tid);
                    if (siCode(info) > 0) {
                        return; // TRAP_* or SI_KERNEL: the step or the breakpoint
                    }
                    defer(info);
                } else {
                    int signal = WaitStatus.stopSignal(status);
                    if (signal == 11 || signal == 7 || signal == 4 || signal == 8) {
                        Ptrace.getRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
                        throw new JcriuException(
                                Kind.INTERNAL,
                                "task "
                                        + tid
                                        + " got signal "
                                        + signal
                                        + " during a remote "
                                        + during
                                        + ": "
                                        + scratchRegisters);
                    }
                    defer(Ptrace.siginfo(tid));
                }
            }
            Ptrace.require(resume, tid, 0, 0, "resume");
            running = true;
        }
    }

    /** si_code: above 0 the kernel made the signal, else a process sent it, sigaction(2). */
    private static int siCode(byte[] siginfo) {
        return java.nio.ByteBuffer.wrap(siginfo).order(java.nio.ByteOrder.nativeOrder()).getInt(8);
    }

    private void defer(byte[] siginfo) {
        if (deferredSignals == null) {
            deferredSignals = new ArrayList<>();
        }
        deferredSignals.add(siginfo);
    }

    /** Lets remote calls of a thread with seccomp filters pass them, as long as it is traced. */
    public void suspendSeccomp() {
        Ptrace.require(
                PTRACE_SETOPTIONS,
                tid,
                0,
                PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP,
                "SETOPTIONS SUSPEND_SECCOMP");
    }

    /** The same for a thread of a restore, which also dies with us. */
    public void suspendSeccompOfOurs() {
        Ptrace.require(
                PTRACE_SETOPTIONS,
                tid,
                0,
                PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP | PTRACE_O_EXITKILL,
                "SETOPTIONS SUSPEND_SECCOMP");
    }

    /** A thread that dies with us (PTRACE_O_EXITKILL) does so no longer, and goes on as it is. */
    public void outliveUs() {
        if (!released) {
            leaveTrap();
            Ptrace.require(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_TRACESYSGOOD, "SETOPTIONS");
        }
    }

    /**
     * Makes a process of ours, with its only thread, end: by a signal, or with an exit code. Its
     * parent is left to wait for it.
     */
    public void exit(int signal, int code) {
        prepare();
        if (signal != 0) {
            Ptrace.setSigmask(tid, 0);
            blocked = 0;
            Native.call(Syscall.TGKILL, pid, tid, signal);
            Ptrace.raw(PTRACE_CONT, tid, 0, 0); // SIGKILL does not wait for it
        } else {
            scratchRegisters.loadSyscall(syscallAddress, Syscall.EXIT, code, 0, 0, 0, 0, 0);
            load(ALL_BUT_SIGTRAP);
            Ptrace.require(PTRACE_CONT, tid, 0, 0, "CONT");
        }
        int status;
        do {
            status = Ptrace.await(tid, 0);
            if (!WaitStatus.gone(status)) {
                Ptrace.raw(PTRACE_CONT, tid, 0, WaitStatus.stopSignal(status));
            }
        } while (!WaitStatus.gone(status));
        released = true;
    }

    /**
     * Brings a process of ours, with its only thread, into a group-stop, as a stop signal does: its
     * parent can wait for it, and after {@link #release} it stays stopped.
     *
     * @param signal SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU, whose handler is the default
     * @return false if the kernel ignored the signal
     */
    public boolean groupStop(int signal) {
        prepare();
        Ptrace.setSigmask(tid, ~(1L << signal - 1));
        Native.check(Native.call(Syscall.TGKILL, pid, tid, signal), "stop task " + tid);
        int deliver = 0;
        boolean delivered = false;
        boolean stopped = false;
        while (!stopped) {
            if (delivered) {
                // if the signal is ignored, this stops the thread before it is back in its code
                Ptrace.require(PTRACE_INTERRUPT, tid, 0, 0, "INTERRUPT");
            }
            Ptrace.require(PTRACE_CONT, tid, 0, deliver, "CONT");
            int status = Ptrace.await(tid, 0);
            if (WaitStatus.gone(status)) {
                released = true;
                throw new TaskGoneException(tid, "while it was being stopped");
            }
            deliver = 0;
            if (WaitStatus.eventStop(status)) {
                if (WaitStatus.stopSignal(status) == signal) {
                    stopped = true;
                } else if (delivered) {
                    break;
                }
            } else if (WaitStatus.event(status) == 0 && WaitStatus.stopSignal(status) == signal) {
                deliver = signal;
                delivered = true;
            }
        }
        blocked = 0;
        load(ALL);
        return stopped;
    }

    /**
     * Ends batches that have no way back by a signal instead of a breakpoint: one that is not
     * pending, and whose SIGTRAP is the program's alone. Threads that are cloned do the same.
     */
    public void endBatchesBy(int signal) {
        endSignal = signal;
    }

    /** Puts registers and signal mask back; the thread stays stopped. */
    public void putBack() {
        if (prepared && !released) {
            Ptrace.setSigmask(tid, originalMask);
            Ptrace.setRegset(tid, NT_PRSTATUS, original.bytes());
            blocked = 0;
            prepared = false;
            scratchRegisters = null;
        }
    }

    /**
     * Puts registers and signal mask back and lets the thread go on as if nothing had been. A
     * thread that was stopped by a signal stays stopped. Silent where the thread is gone.
     *
     * @return false if it is gone, or about to be: then its end is still to be waited for
     */
    public boolean release() {
        if (released) {
            return true;
        }
        boolean there = true;
        try {
            putBack();
            sendDeferred();
            Ptrace.require(PTRACE_DETACH, tid, 0, 0, "DETACH");
        } catch (TaskGoneException e) {
            there = false; // nothing to put back
        }
        released = true;
        return there;
    }

    private void sendDeferred() {
        if (deferredSignals == null) {
            return;
        }
        for (byte[] siginfo : deferredSignals) {
            try (NativeMemory info = NativeMemory.allocate(siginfo.length)) {
                info.put(0, siginfo);
                int signal = info.getInt(0);
                long r = Native.call(Syscall.RT_TGSIGQUEUEINFO, pid, tid, signal, info.address());
                if (Native.failed(r)) {
                    Native.call(Syscall.TGKILL, pid, tid, signal);
                }
            }
        }
        deferredSignals = null;
    }

    /** The thread is known to be gone, e.g. killed by us: nothing will be put back. */
    public void forget() {
        released = true;
    }
}
