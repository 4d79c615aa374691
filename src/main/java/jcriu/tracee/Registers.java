package jcriu.tracee;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashSet;
import java.util.Set;
import jcriu.errors.Errno;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;

/**
 * General registers of a stopped thread, as PTRACE_GETREGSET NT_PRSTATUS gives them: x86-64's
 * {@code struct user_regs_struct}, 216 bytes, in the order of {@link Reg}.
 *
 * <p>The only place that knows which register carries what in a system call.
 */
public final class Registers {
    /** Register names in the kernel's order; 8 bytes each. */
    public enum Reg {
        R15,
        R14,
        R13,
        R12,
        RBP,
        RBX,
        R11,
        R10,
        R9,
        R8,
        RAX,
        RCX,
        RDX,
        RSI,
        RDI,
        ORIG_RAX,
        RIP,
        CS,
        EFLAGS,
        RSP,
        SS,
        FS_BASE,
        GS_BASE,
        DS,
        ES,
        FS,
        GS;

        private final int offset = ordinal() * 8; // a position in memory, never stored
    }

    public static final int SIZE = 216;

    /** CS of 64-bit code; 0x23 is that of 32-bit code. */
    public static final long USER_CS = 0x33;

    private static final VarHandle LONGS =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long TRAP_FLAG = 0x100;

    /** {@code mov $number, %eax}, the instruction before {@code syscall} in C libraries. */
    static final int MOV_LENGTH = 5;

    private static final byte MOV_EAX = (byte) 0xb8;
    private static final int SYSCALL_LENGTH = 2;

    private final byte[] bytes;

    /** The call that the kernel has taken up again; -1: none, or not known. */
    private int takenUp = -1;

    public Registers() {
        bytes = new byte[SIZE];
    }

    public Registers(Registers other) {
        bytes = other.bytes.clone();
        takenUp = other.takenUp;
    }

    byte[] bytes() {
        return bytes;
    }

    public long get(Reg reg) {
        return (long) LONGS.get(bytes, reg.offset);
    }

    public void set(Reg reg, long value) {
        LONGS.set(bytes, reg.offset, value);
    }

    public long instructionPointer() {
        return get(Reg.RIP);
    }

    public long stackPointer() {
        return get(Reg.RSP);
    }

    /** What a system call returned, or an interrupted one is about to return. */
    public long result() {
        return get(Reg.RAX);
    }

    /** Whether the thread stopped inside a system call. */
    public boolean inSyscall() {
        return (int) get(Reg.ORIG_RAX) >= 0;
    }

    /** Leaves the system call: the kernel will not restart anything. */
    public void leaveSyscall() {
        set(Reg.ORIG_RAX, -1);
    }

    /** Goes on at another instruction, in no system call. */
    public void goTo(long address) {
        set(Reg.RIP, address);
        leaveSyscall();
    }

    /** Steps back to the system call instruction, to make the same call again. */
    public void rewindSyscall() {
        set(Reg.RAX, get(Reg.ORIG_RAX));
        set(Reg.RIP, get(Reg.RIP) - 2);
        leaveSyscall();
    }

    /**
     * Calls that fail with EINTR when a thread is stopped, as signal(7) lists them. Made again,
     * they behave as if nothing had happened; the program need not know that it was frozen.
     */
    private static final Set<Integer> END_WHEN_STOPPED =
            numbers(
                    Syscall.EPOLL_WAIT,
                    Syscall.EPOLL_PWAIT,
                    Syscall.EPOLL_PWAIT2,
                    Syscall.SEMOP,
                    Syscall.SEMTIMEDOP,
                    Syscall.MSGSND,
                    Syscall.MSGRCV,
                    Syscall.RT_SIGTIMEDWAIT,
                    Syscall.IO_GETEVENTS);

    // linux/futex.h: these take an absolute timeout
    private static final int FUTEX_LOCK_PI = 6;
    private static final int FUTEX_WAIT_BITSET = 9;
    private static final int FUTEX_WAIT_REQUEUE_PI = 11;
    private static final int FUTEX_CMD_MASK = 0x7f;

    private static Set<Integer> numbers(Syscall... calls) {
        Set<Integer> numbers = new HashSet<>();
        for (Syscall call : calls) {
            if (call.exists(Native.ARCH)) {
                numbers.add(call.number(Native.ARCH));
            }
        }
        return numbers;
    }

    /**
     * Undoes an EINTR that only our stop has caused: no handler runs, or these would be its
     * registers.
     *
     * @return whether the call will be made again
     */
    boolean undoInterruption() {
        boolean ours =
                inSyscall()
                        && result() == -Errno.EINTR.number()
                        && END_WHEN_STOPPED.contains((int) get(Reg.ORIG_RAX));
        if (ours) {
            rewindSyscall();
        }
        return ours;
    }

    /**
     * Whether the call was interrupted before, by whatever stop, and taken up again by the kernel,
     * as restart_syscall(2): the number of the call itself is in no register then.
     */
    boolean isTakenUpAgain() {
        return inSyscall() && is((int) get(Reg.ORIG_RAX), Syscall.RESTART_SYSCALL);
    }

    /** Where the instruction should be that says which call it was. */
    long numberInstruction() {
        return get(Reg.RIP) - SYSCALL_LENGTH - MOV_LENGTH;
    }

    /**
     * Says what stands at {@link #numberInstruction}. With a call whose number was loaded in
     * another way nothing changes: only the kernel can go on with it.
     */
    void takenUpBy(byte[] instruction) {
        takenUp =
                instruction[0] == MOV_EAX
                        ? ByteBuffer.wrap(instruction).order(ByteOrder.LITTLE_ENDIAN).getInt(1)
                        : -1;
    }

    /**
     * The registers that the thread goes on with where the kernel does not restart the system call
     * that our stop interrupted. The call is stepped back to, so that it is made again; one that
     * only the kernel could restart ends in EINTR, as signal(7) lets any of them.
     */
    public Registers restarted() {
        Registers r = new Registers(this);
        if (isTakenUpAgain() && takenUp >= 0) {
            r.set(Reg.ORIG_RAX, takenUp);
        }
        if (inSyscall()) {
            long result = result();
            if (result == -ProcessConstants.ERESTARTSYS
                    || result == -ProcessConstants.ERESTARTNOINTR
                    || result == -ProcessConstants.ERESTARTNOHAND) {
                r.rewindSyscall();
            } else if (result == -ProcessConstants.ERESTART_RESTARTBLOCK) {
                if (r.canBeMadeAgain()) {
                    r.rewindSyscall();
                } else {
                    r.set(Reg.RAX, -Errno.EINTR.number());
                }
            }
        }
        r.leaveSyscall();
        return r;
    }

    /**
     * Whether a call that the kernel would restart with the rest of its timeout can be made again
     * with the arguments that it has (docs/adr/0007): absolute timeouts lose nothing; neither do
     * sleeps whose rest goes where the request is, as sleep(3) has it, for the kernel has written
     * it there. poll(2), and sleeps whose caller does not want to know the rest, wait longer at
     * most, which is better than an EINTR that a program without signal handlers never expects.
     */
    private boolean canBeMadeAgain() {
        int number = (int) get(Reg.ORIG_RAX);
        int futexCommand = (int) get(Reg.RSI) & FUTEX_CMD_MASK;
        return is(number, Syscall.POLL)
                || is(number, Syscall.NANOSLEEP) && restIsRequest(Reg.RSI, Reg.RDI)
                || is(number, Syscall.CLOCK_NANOSLEEP) && restIsRequest(Reg.R10, Reg.RDX)
                || is(number, Syscall.FUTEX)
                        && (futexCommand == FUTEX_WAIT_BITSET
                                || futexCommand == FUTEX_LOCK_PI
                                || futexCommand == FUTEX_WAIT_REQUEUE_PI);
    }

    private boolean restIsRequest(Reg rest, Reg request) {
        return get(rest) == 0 || get(rest) == get(request);
    }

    private static boolean is(int number, Syscall call) {
        return call.exists(Native.ARCH) && call.number(Native.ARCH) == number;
    }

    /** Loads a system call at the {@code syscall} instruction at {@code at}. */
    void loadSyscall(long at, Syscall call, long a0, long a1, long a2, long a3, long a4, long a5) {
        set(Reg.RIP, at);
        set(Reg.RAX, call.number(Native.ARCH));
        set(Reg.RDI, a0);
        set(Reg.RSI, a1);
        set(Reg.RDX, a2);
        set(Reg.R10, a3);
        set(Reg.R8, a4);
        set(Reg.R9, a5);
        plain();
    }

    /** Loads rt_sigreturn(2) at the {@code syscall} instruction at {@code at}. */
    void loadSignalReturn(long at, long context) {
        set(Reg.RIP, at);
        set(Reg.RAX, Syscall.RT_SIGRETURN.number(Native.ARCH));
        set(Reg.RSP, context);
        plain();
    }

    /** In the stop before a system call: makes it another one, behind which is {@code next}. */
    void exchangeSyscall(long next, Syscall call, long... args) {
        loadSyscall(next, call, args[0], args[1], args[2], args[3], args[4], args[5]);
        set(Reg.ORIG_RAX, call.number(Native.ARCH));
    }

    /** Loads the start of batch code that ends in a breakpoint. */
    void loadBatch(long code, long entries, long count) {
        loadBatch(code, entries, count, 0, get(Reg.RSP));
    }

    /** Loads the start of batch code that ends in a signal and returns from a signal frame. */
    void loadBatch(long code, long entries, long count, int signal, long stack) {
        set(Reg.RIP, code);
        set(Reg.RBX, entries);
        set(Reg.R12, count);
        set(Reg.R13, signal);
        set(Reg.RSP, stack);
        plain();
    }

    long batchEntriesLeft() {
        return get(Reg.R12);
    }

    /** Whether the program has set the trap flag, and gets SIGTRAP for each instruction. */
    boolean steps() {
        return (get(Reg.EFLAGS) & TRAP_FLAG) != 0;
    }

    private void plain() {
        leaveSyscall();
        set(Reg.EFLAGS, get(Reg.EFLAGS) & ~TRAP_FLAG);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Registers r && java.util.Arrays.equals(bytes, r.bytes);
    }

    @Override
    public int hashCode() {
        return java.util.Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder();
        for (Reg reg : Reg.values()) {
            text.append(reg).append('=').append(Long.toHexString(get(reg))).append(' ');
        }
        return text.toString();
    }
}
