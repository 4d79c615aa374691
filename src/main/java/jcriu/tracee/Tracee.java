package jcriu.tracee;

import static jcriu.kernel.PtraceConstants.*;

import java.util.ArrayList;
import java.util.List;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.RemoteSyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;
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
 *   <li>A signal arrives. All are blocked meanwhile, except SIGTRAP, which ends a step: the kernel
 *       forces it, and forcing a blocked signal would reset its handler.
 *   <li>SIGSTOP cannot be blocked, and other SIGTRAPs come from elsewhere: they are kept, and sent
 *       again on release.
 * </ol>
 */
public final class Tracee {
    private static final long ALL_BUT_SIGTRAP = ~(1L << ProcessConstants.SIGTRAP - 1);

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

    /** Called once, when the thread has stopped: what it will be given back on release. */
    void stopped(int status) {
        hasStopped = true;
        int signal = WaitStatus.stopSignal(status);
        stopSignal = signal == ProcessConstants.SIGTRAP ? 0 : signal;
        Ptrace.getRegset(tid, NT_PRSTATUS, original.bytes());
        originalMask = Ptrace.getSigmask(tid);
        prepared = original.undoInterruption();
    }

    /** Where this thread finds a {@code syscall} instruction, in its own vDSO. */
    public void syscallAddress(long address) {
        syscallAddress = address;
    }

    public long syscallAddress() {
        return syscallAddress;
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
                        java.util.Arrays.copyOfRange(
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
            Ptrace.setSigmask(tid, ALL_BUT_SIGTRAP);
            prepared = true;
        }
    }

    /** Makes a system call in the thread and returns the kernel's result, errors included. */
    public long call(Syscall call, long a0, long a1, long a2, long a3, long a4, long a5) {
        prepare();
        newChild = 0;
        scratchRegisters.loadSyscall(syscallAddress, call, a0, a1, a2, a3, a4, a5);
        Ptrace.setRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
        Ptrace.require(PTRACE_SINGLESTEP, tid, 0, 0, "SINGLESTEP");
        running = true;
        awaitTrap(PTRACE_SINGLESTEP, call.lowerName());
        Ptrace.getRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
        if (scratchRegisters.instructionPointer() != syscallAddress + 2) {
            throw new JcriuException(
                    Kind.INTERNAL,
                    "task "
                            + tid
                            + " strayed in a remote "
                            + call.lowerName()
                            + ": "
                            + scratchRegisters);
        }
        return scratchRegisters.result();
    }

    public long call(Syscall call, long... args) {
        long[] a = java.util.Arrays.copyOf(args, 6);
        return call(call, a[0], a[1], a[2], a[3], a[4], a[5]);
    }

    /** Makes a system call in the thread and throws where it fails. */
    public long require(Syscall call, long... args) {
        long result = call(call, args);
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
        return child;
    }

    void startBatch(long code, long entries, long count) {
        prepare();
        scratchRegisters.loadBatch(code, entries, count);
        Ptrace.setRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
        Ptrace.require(PTRACE_CONT, tid, 0, 0, "CONT");
        running = true;
    }

    /**
     * Waits until a started batch has ended.
     *
     * @return entries that were not done
     */
    long awaitBatch() {
        awaitTrap(PTRACE_CONT, "batch");
        Ptrace.getRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
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
                awaitTrap(PTRACE_CONT, "batch");
            } catch (TaskGoneException e) {
                return false;
            }
        }
        return !released;
    }

    /** Waits for the SIGTRAP that ends a step or a batch, past everything that is not it. */
    private void awaitTrap(int resume, String during) {
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
                if (WaitStatus.stopSignal(status) == ProcessConstants.SIGTRAP) {
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
                PTRACE_SETOPTIONS, tid, 0, PTRACE_O_SUSPEND_SECCOMP, "SETOPTIONS SUSPEND_SECCOMP");
    }

    /** The same for a thread of a restore, which also dies with us. */
    public void suspendSeccompOfOurs() {
        Ptrace.require(
                PTRACE_SETOPTIONS,
                tid,
                0,
                PTRACE_O_SUSPEND_SECCOMP | PTRACE_O_EXITKILL,
                "SETOPTIONS SUSPEND_SECCOMP");
    }

    /**
     * Brings a thread whose registers are its own again from the stop that ended its last call into
     * one that asks for nothing. A tracer that dies does not suppress the signal of a
     * signal-delivery-stop, ptrace(2): the thread would get the SIGTRAP of a single step.
     */
    public void calm() {
        if (released) {
            return;
        }
        Ptrace.require(PTRACE_INTERRUPT, tid, 0, 0, "INTERRUPT");
        int status;
        do {
            // it comes to the stop that was asked for before it comes to its program
            Ptrace.require(PTRACE_CONT, tid, 0, 0, "CONT");
            status = Ptrace.await(tid, 0);
            if (WaitStatus.gone(status)) {
                released = true;
                throw new TaskGoneException(tid, "while it was stopped");
            }
        } while (!WaitStatus.eventStop(status));
    }

    /** A thread that dies with us (PTRACE_O_EXITKILL) does so no longer, and goes on as it is. */
    public void outliveUs() {
        if (!released) {
            calm();
            Ptrace.require(PTRACE_SETOPTIONS, tid, 0, 0, "SETOPTIONS");
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
            Native.call(Syscall.TGKILL, pid, tid, signal);
            Ptrace.raw(PTRACE_CONT, tid, 0, 0); // SIGKILL does not wait for it
        } else {
            scratchRegisters.loadSyscall(syscallAddress, Syscall.EXIT, code, 0, 0, 0, 0, 0);
            Ptrace.setRegset(tid, NT_PRSTATUS, scratchRegisters.bytes());
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

    /** Puts registers and signal mask back; the thread stays stopped. */
    public void putBack() {
        if (prepared && !released) {
            Ptrace.setRegset(tid, NT_PRSTATUS, original.bytes());
            Ptrace.setSigmask(tid, originalMask);
            prepared = false;
            scratchRegisters = null;
        }
    }

    /**
     * Puts registers and signal mask back and lets the thread go on as if nothing had been. A
     * thread that was stopped by a signal stays stopped. Silent where the thread is gone.
     */
    public void release() {
        if (released) {
            return;
        }
        try {
            putBack();
            sendDeferred();
            Ptrace.require(PTRACE_DETACH, tid, 0, 0, "DETACH");
        } catch (TaskGoneException e) {
            // nothing to put back
        }
        released = true;
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
