package jcriu.tracee;

import static jcriu.kernel.MmanConstants.*;

import java.util.List;
import jcriu.proc.MapsVma;
import jcriu.proc.VmFlag;

/**
 * The way back of a thread that loses its tracer in a single call: a signal frame on the stack of
 * the program, as the kernel would put it there for a handler, and {@link ReturnCode} behind the
 * call. What lay there is put back after the call.
 *
 * <p>There must be room that is not in use: below the stack pointer of a thread, unless that is the
 * stack of a coroutine, with who knows what below it; or else at the far end of the main stack, if
 * nothing has ever been written there.
 */
public final class StackFrame {
    /** Below the stack pointer, bytes: x86-64 psABI, 3.2.2. */
    private static final int RED_ZONE = 128;

    /** How much of the far end of a stack is looked at, bytes. */
    private static final int FAR_END = 16 << 10;

    private final ReturnCode code;
    private final long context;
    private final byte[] frame;

    private StackFrame(ReturnCode code, long context, byte[] frame) {
        this.code = code;
        this.context = context;
        this.frame = frame;
    }

    /**
     * Gives one thread of a process a way back from the single calls that it will make.
     *
     * @param frames of all its threads, the leader's first
     * @param vmas with flags
     * @return the thread to make the calls: the leader where none has a way back
     */
    public static Tracee give(List<SignalFrame> frames, List<MapsVma> vmas) {
        Tracee leader = frames.get(0).thread();
        ReturnCode code = ReturnCode.find(leader.pid(), vmas);
        if (code == null) {
            return leader;
        }
        for (SignalFrame frame : frames) {
            long context = belowStackPointer(frame, vmas);
            if (context != 0) {
                return give(frame, code, context);
            }
        }
        long context = farEnd(frames, vmas);
        return context == 0 ? leader : give(frames.get(0), code, context);
    }

    private static Tracee give(SignalFrame frame, ReturnCode code, long context) {
        frame.thread().callAloneWith(new StackFrame(code, context, frame.alone(context)));
        return frame.thread();
    }

    private static long belowStackPointer(SignalFrame frame, List<MapsVma> vmas) {
        long pointer = frame.thread().registers().stackPointer();
        MapsVma below = null;
        for (MapsVma vma : vmas) {
            if (vma.contains(pointer)) {
                long context = pointer - RED_ZONE - frame.sizeAlone() & -64;
                boolean fits = Long.compareUnsigned(context, vma.start()) >= 0;
                return fits && isStack(vma, below) ? context : 0;
            }
            below = vma;
        }
        return 0;
    }

    /** Grows by itself, or ends in a guard, as those of threads do. */
    private static boolean isStack(MapsVma vma, MapsVma below) {
        if (!isMemory(vma)) {
            return false;
        }
        boolean guarded =
                below != null && below.end() == vma.start() && (below.prot() & PROT_WRITE) == 0;
        return vma.has(VmFlag.GD) || guarded && below.inode() == 0;
    }

    private static boolean isMemory(MapsVma vma) {
        int wanted = PROT_READ | PROT_WRITE;
        return (vma.prot() & wanted) == wanted && !vma.shared() && vma.inode() == 0;
    }

    private static long farEnd(List<SignalFrame> frames, List<MapsVma> vmas) {
        int size = frames.get(0).sizeAlone();
        for (MapsVma vma : vmas) {
            if (vma.has(VmFlag.GD) && isMemory(vma) && vma.lengthBytes() >= FAR_END) {
                for (SignalFrame frame : frames) {
                    if (vma.contains(frame.thread().registers().stackPointer())) {
                        return 0; // and there was no room below
                    }
                }
                int pid = frames.get(0).thread().pid();
                byte[] content = RemoteMemory.read(pid, vma.start(), FAR_END);
                for (byte b : content) {
                    if (b != 0) {
                        return 0;
                    }
                }
                return vma.start() + FAR_END - size & -64;
            }
        }
        return 0;
    }

    ReturnCode code() {
        return code;
    }

    /** Address of the context: where the stack pointer is when rt_sigreturn is called. */
    long context() {
        return context;
    }

    /** Writes the frame; what lay there, for {@link #takeAway}. */
    byte[] put(int pid) {
        byte[] was = RemoteMemory.read(pid, context, frame.length);
        RemoteMemory.write(pid, context, frame);
        return was;
    }

    void takeAway(int pid, byte[] was) {
        RemoteMemory.write(pid, context, was);
    }
}
