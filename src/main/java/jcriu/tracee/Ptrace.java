package jcriu.tracee;

import static jcriu.kernel.PtraceConstants.*;

import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * ptrace(2) and wait4(2), one method a request. ESRCH, "no such process, or not stopped", becomes
 * {@link TaskGoneException}: we only ever ask tasks that we stopped.
 */
final class Ptrace {
    /** Room for an xsave area with AMX tiles (11 KiB) and whatever comes next. */
    private static final int BUFFER = 64 << 10;

    private static final NativeMemory BLOCK = NativeMemory.allocate(BUFFER + 64);
    private static final long IOVEC = BLOCK.address();
    private static final int DATA = 64;

    private static Thread owner;

    private Ptrace() {}

    /** All requests come from one thread; the first to ask is it. */
    private static void checkThread() {
        Thread current = Thread.currentThread();
        if (owner == null) {
            owner = current;
        } else if (owner != current) {
            throw new IllegalStateException(
                    "ptrace request from " + current + ", but the tracer is " + owner);
        }
    }

    static long raw(int request, int tid, long address, long data) {
        checkThread();
        return Native.call(Syscall.PTRACE, request, tid, address, data);
    }

    static void require(int request, int tid, long address, long data, String name) {
        check(raw(request, tid, address, data), tid, name);
    }

    private static void check(long result, int tid, String name) {
        if (Native.failed(result)) {
            Errno errno = Errno.ofResult(result);
            if (errno == Errno.ESRCH) {
                throw new TaskGoneException(tid, name);
            }
            throw new SyscallException("ptrace(" + name + ") on task " + tid, errno);
        }
    }

    static void getRegset(int tid, int type, byte[] into) {
        int length = regset(PTRACE_GETREGSET, tid, type, into.length);
        if (length != into.length) {
            throw new IllegalStateException(
                    "register set " + type + " has " + length + " bytes, not " + into.length);
        }
        System.arraycopy(BLOCK.get(DATA, length), 0, into, 0, length);
    }

    /** A register set of whatever size the kernel gives. */
    static byte[] getRegset(int tid, int type) {
        return BLOCK.get(DATA, regset(PTRACE_GETREGSET, tid, type, BUFFER));
    }

    static void setRegset(int tid, int type, byte[] from) {
        BLOCK.put(DATA, from);
        regset(PTRACE_SETREGSET, tid, type, from.length);
    }

    private static int regset(int request, int tid, int type, int length) {
        BLOCK.putLong(0, IOVEC + DATA);
        BLOCK.putLong(8, length);
        require(request, tid, type, IOVEC, request == PTRACE_GETREGSET ? "GETREGSET" : "SETREGSET");
        return (int) BLOCK.getLong(8);
    }

    static long getSigmask(int tid) {
        require(PTRACE_GETSIGMASK, tid, 8, IOVEC, "GETSIGMASK");
        return BLOCK.getLong(0);
    }

    static void setSigmask(int tid, long mask) {
        BLOCK.putLong(0, mask);
        require(PTRACE_SETSIGMASK, tid, 8, IOVEC, "SETSIGMASK");
    }

    static long eventMessage(int tid) {
        require(PTRACE_GETEVENTMSG, tid, 0, IOVEC, "GETEVENTMSG");
        return BLOCK.getLong(0);
    }

    /** The siginfo of the signal that the task stopped with: 128 bytes. */
    static byte[] siginfo(int tid) {
        require(PTRACE_GETSIGINFO, tid, 0, IOVEC + DATA, "GETSIGINFO");
        return BLOCK.get(DATA, 128);
    }

    /**
     * Pending signals without taking them: up to 32 from position {@code offset}, 128 bytes each.
     *
     * @return how many there were
     */
    static int peekSiginfo(int tid, long offset, boolean shared, byte[] into) {
        BLOCK.putLong(0, offset);
        BLOCK.putInt(8, shared ? PTRACE_PEEKSIGINFO_SHARED : 0);
        BLOCK.putInt(12, into.length / 128);
        long n = raw(PTRACE_PEEKSIGINFO, tid, IOVEC, IOVEC + DATA);
        check(n, tid, "PEEKSIGINFO");
        System.arraycopy(BLOCK.get(DATA, (int) n * 128), 0, into, 0, (int) n * 128);
        return (int) n;
    }

    /**
     * {@code struct ptrace_rseq_configuration {u64 pointer; u32 size; u32 signature; u32 flags; u32
     * pad}}, Linux 5.13.
     *
     * @return {pointer, size, signature}; all 0 where the kernel cannot tell or nothing is
     *     registered
     */
    static long[] rseq(int tid) {
        long r = raw(PTRACE_GET_RSEQ_CONFIGURATION, tid, 24, IOVEC + DATA);
        if (Native.failed(r)) {
            return new long[3];
        }
        return new long[] {
            BLOCK.getLong(DATA), BLOCK.getInt(DATA + 8), BLOCK.getInt(DATA + 12) & 0xffffffffL
        };
    }

    /**
     * What prctl(PR_SET_SYSCALL_USER_DISPATCH) has set, {@code struct ptrace_sud_config {u64 mode,
     * selector, offset, len}}.
     *
     * @return its mode, 0 for off and where the kernel (before Linux 6.4) does not tell
     */
    static long syscallDispatch(int tid) {
        long r = raw(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, tid, 32, IOVEC + DATA);
        return Native.failed(r) ? 0 : BLOCK.getLong(DATA);
    }

    /**
     * One filter of a seccomp chain, the newest first.
     *
     * @return BPF instructions, 8 bytes each, or null where {@code index} is past the oldest
     */
    static byte[] seccompFilter(int tid, int index) {
        long n = raw(PTRACE_SECCOMP_GET_FILTER, tid, index, 0);
        if (n == -Errno.ENOENT.number()) {
            return null;
        }
        check(n, tid, "SECCOMP_GET_FILTER");
        require(PTRACE_SECCOMP_GET_FILTER, tid, index, IOVEC + DATA, "SECCOMP_GET_FILTER");
        return BLOCK.get(DATA, (int) n * 8);
    }

    /** SECCOMP_FILTER_FLAG_* of one filter of a chain. */
    static long seccompFlags(int tid, int index) {
        BLOCK.putLong(DATA, index);
        BLOCK.putLong(DATA + 8, 0);
        require(PTRACE_SECCOMP_GET_METADATA, tid, 16, IOVEC + DATA, "SECCOMP_GET_METADATA");
        return BLOCK.getLong(DATA + 8);
    }

    /**
     * wait4(2) for one task, never for any.
     *
     * @return the wait status, or -1 where {@code options} has WNOHANG and nothing happened
     * @throws TaskGoneException if there is no such child or tracee
     */
    static int await(int tid, int options) {
        while (true) {
            long r = Native.call(Syscall.WAIT4, tid, IOVEC, options | __WALL, 0);
            if (r == tid) {
                return BLOCK.getInt(0);
            }
            if (r == 0) {
                return -1;
            }
            if (r != -Errno.EINTR.number()) {
                if (r == -Errno.ECHILD.number()) {
                    throw new TaskGoneException(tid, "wait4");
                }
                Native.check(r, "wait4 for task " + tid);
            }
        }
    }
}
