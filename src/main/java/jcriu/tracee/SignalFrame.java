package jcriu.tracee;

import static jcriu.kernel.ProcessConstants.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcriu.kernel.ProcessConstants;
import jcriu.proc.Status;
import jcriu.sys.Native;
import jcriu.tracee.Registers.Reg;

/**
 * The way back of a thread that loses its tracer in a batch: a signal frame, as if a handler had
 * run, from which rt_sigreturn(2) gives it all registers and its signal mask.
 *
 * <pre>
 * base                     context                 context + 320
 * |  room for a handler <- | struct ucontext        | XSAVE area, magic number |
 * </pre>
 *
 * <p>x86-64 only. Source: include/uapi asm/ucontext.h and asm/sigcontext.h of x86.
 */
public final class SignalFrame {
    /** Room below a frame for a handler that a signal starts on it, bytes. */
    private static final int HANDLER_ROOM = 16 << 10;

    private static final int CONTEXT = 320;
    private static final int STACK = 16;
    private static final int GENERAL = 40;
    private static final int FPSTATE = 224;
    private static final int MASK = 296;

    private static final Reg[] ORDER = {
        Reg.R8,
        Reg.R9,
        Reg.R10,
        Reg.R11,
        Reg.R12,
        Reg.R13,
        Reg.R14,
        Reg.R15,
        Reg.RDI,
        Reg.RSI,
        Reg.RBP,
        Reg.RBX,
        Reg.RDX,
        Reg.RAX,
        Reg.RCX,
        Reg.RSP,
        Reg.RIP,
        Reg.EFLAGS
    };

    /** For ss_flags, sigaltstack(2): rt_sigreturn ignores that it is refused. */
    private static final int NO_SUCH_MODE = 0xff;

    private static final long UC_FP_XSTATE = 1;
    private static final long UC_SIGCONTEXT_SS = 2;
    private static final long UC_STRICT_RESTORE_SS = 4;

    // struct _fpx_sw_bytes, in the bytes of the area that the processor leaves to software
    private static final int SOFTWARE = 464;
    private static final int MAGIC1 = 0x46505853;
    private static final int MAGIC2 = 0x46505845;

    private static final int XSTATE_BV = 512;
    private static final int LEGACY_AND_HEADER = 576;
    private static final int PKRU = 9;
    private static final int COMPONENTS = 63;
    private static final int[] END = new int[COMPONENTS];

    /** Signals that programs ignore unless they ask for them, and then take as a hint. */
    private static final int[] QUIET = {SIGURG, SIGWINCH, SIGCHLD};

    static {
        for (int component = 2; component < COMPONENTS; component++) {
            int[] cpuid = Native.cpuid(0xd, component);
            END[component] = cpuid[0] == 0 ? 0 : cpuid[0] + cpuid[1];
        }
    }

    private final Tracee thread;
    private final byte[] xstate;
    private final long components;
    private final int extent;
    private final int signal;
    private long context;

    /**
     * @param xstate as {@link Tracee#xstate} gives it
     * @param status of the thread
     */
    public SignalFrame(Tracee thread, byte[] xstate, Status status) {
        this.thread = thread;
        this.xstate = xstate;
        this.signal = quietSignal(status);
        ByteBuffer area = ByteBuffer.wrap(xstate).order(ByteOrder.LITTLE_ENDIAN);
        long enabled = area.getLong(SOFTWARE); // XCR0, as ptrace gives it
        // the kernel keeps PKRU apart: it is in the area whether or not XSTATE_BV says so
        components = area.getLong(XSTATE_BV) | enabled & 1L << PKRU;
        // no further than needed: the kernel refuses an area larger than the thread may use
        int end = LEGACY_AND_HEADER;
        for (int component = 2; component < COMPONENTS; component++) {
            if ((components & 1L << component) != 0) {
                end = Math.max(end, END[component]);
            }
        }
        extent = Math.min(end, xstate.length);
    }

    /**
     * A signal that the thread can send itself unnoticed: ignored, or else one whose handlers
     * expect to be called for nothing. It must not be pending, or it would not be queued again.
     *
     * @return 0 where there is none
     */
    static int quietSignal(Status status) {
        long taken = status.sigPnd() | status.shdPnd();
        long heard = taken | status.sigCgt();
        for (int signal : QUIET) {
            if (!in(heard | status.sigBlk(), signal)) {
                return signal;
            }
        }
        for (int signal : QUIET) {
            if (!in(heard, signal)) {
                return signal;
            }
        }
        for (int signal = 1; signal < 32; signal++) {
            boolean special =
                    signal == SIGKILL
                            || signal == SIGSTOP
                            || signal == SIGCONT
                            || signal == ProcessConstants.SIGTRAP;
            if (!special && in(status.sigIgn(), signal) && !in(taken, signal)) {
                return signal;
            }
        }
        for (int signal : QUIET) {
            if (!in(taken, signal)) {
                return signal;
            }
        }
        return 0;
    }

    /** A signal that ends the batches of a process of ours, which will have these pending; or 0. */
    public static int quietSignal(long pending) {
        for (int signal : QUIET) {
            if (!in(pending, signal)) {
                return signal;
            }
        }
        return 0;
    }

    private static boolean in(long set, int signal) {
        return (set & 1L << signal - 1) != 0;
    }

    /** Bytes of memory that it takes, a multiple of 64. */
    public int size() {
        return HANDLER_ROOM + CONTEXT + extent + 4 + 63 & -64;
    }

    /** The largest XSAVE area: that much behind the last frame must be readable. */
    public int xstateSize() {
        return xstate.length;
    }

    int signal() {
        return signal;
    }

    /** Address of the context: where the stack pointer is when rt_sigreturn is called. */
    long context() {
        return context;
    }

    /** Where the call that returns the alternative stack puts it, sigaltstack(2). */
    long stack() {
        return context + STACK;
    }

    /** Writes the frame to {@code base}, a multiple of 64, in the memory of the thread. */
    public void write(long base) {
        context = base + HANDLER_ROOM;
        RemoteMemory.write(thread.pid(), context, at(context));
    }

    Tracee thread() {
        return thread;
    }

    /** Bytes that a frame with nothing below it takes, and that must be readable behind it. */
    int sizeAlone() {
        return CONTEXT + xstate.length + 4 + 63 & -64;
    }

    /** The frame without an alternative stack: rt_sigreturn(2) leaves that as it is. */
    byte[] alone(long context) {
        byte[] frame = at(context);
        ByteBuffer.wrap(frame).order(ByteOrder.LITTLE_ENDIAN).putInt(STACK + 8, NO_SUCH_MODE);
        return frame;
    }

    private byte[] at(long context) {
        Registers r = thread.registers().restarted();
        ByteBuffer out = ByteBuffer.allocate(CONTEXT + extent + 4).order(ByteOrder.LITTLE_ENDIAN);
        out.putLong(0, UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS);
        for (int i = 0; i < ORDER.length; i++) {
            out.putLong(GENERAL + 8 * i, r.get(ORDER[i]));
        }
        int segments = GENERAL + 8 * ORDER.length;
        out.putShort(segments, (short) r.get(Reg.CS));
        out.putShort(segments + 6, (short) r.get(Reg.SS));
        out.putLong(FPSTATE, context + CONTEXT);
        out.putLong(MASK, thread.signalMask());
        out.put(CONTEXT, xstate, 0, extent);
        int software = CONTEXT + SOFTWARE;
        out.put(software, new byte[XSTATE_BV - SOFTWARE]);
        out.putInt(software, MAGIC1);
        out.putInt(software + 4, extent + 4);
        out.putLong(software + 8, components);
        out.putInt(software + 16, extent);
        out.putLong(CONTEXT + XSTATE_BV, components);
        out.putInt(CONTEXT + extent, MAGIC2);
        return out.array();
    }
}
