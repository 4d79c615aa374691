package jcriu.sys;

import com.kenai.jffi.CallContext;
import com.kenai.jffi.CallingConvention;
import com.kenai.jffi.Invoker;
import com.kenai.jffi.Library;
import com.kenai.jffi.MemoryIO;
import com.kenai.jffi.Type;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.kernel.Arch;
import jcriu.kernel.Assembler;
import jcriu.kernel.Syscall;

/**
 * Raw system calls of our own process.
 *
 * <p>jnr-ffi's engine (jffi) is used directly: its interface layer generates a class at run time,
 * which costs more start-up time than all calls of a small dump together (docs/adr/0002). libc is
 * asked once, for memory to put {@link Assembler#syscallFunction} into; from then on every call is
 * one {@code syscall} instruction whose result is returned as it is.
 */
public final class Native {
    public static final Arch ARCH = Arch.current();

    private static final MemoryIO MEMORY = MemoryIO.getInstance();
    private static final Invoker INVOKER = Invoker.getInstance();
    private static final CallContext POINTER_TO_LONG =
            CallContext.getCallContext(
                    Type.SINT64, new Type[] {Type.POINTER}, CallingConvention.DEFAULT, false);

    private static final long SYSCALL_FUNCTION;
    private static final long SPAWN_FUNCTION;
    private static final long CPUID_FUNCTION;

    /** Argument block of this thread: number and six arguments. Lives as long as the thread. */
    private static final ThreadLocal<Long> BLOCK =
            ThreadLocal.withInitial(() -> MEMORY.allocateMemory(64, true));

    private static final int PAGE = 4096;

    static {
        Library libc = Library.openLibrary("libc.so.6", Library.LAZY);
        if (libc == null) {
            libc = Library.getDefault();
        }
        Type l = Type.SINT64;
        CallContext mmap =
                CallContext.getCallContext(
                        l, new Type[] {l, l, l, l, l, l}, CallingConvention.DEFAULT, true);
        CallContext mprotect =
                CallContext.getCallContext(
                        Type.SINT32, new Type[] {l, l, l}, CallingConvention.DEFAULT, true);
        // PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS: the same numbers on every architecture
        long page = INVOKER.invokeN6(mmap, libc.getSymbolAddress("mmap"), 0, PAGE, 3, 0x22, -1, 0);
        if (page == -1) {
            throw new IllegalStateException("no memory for a page of code");
        }
        long at = page;
        SYSCALL_FUNCTION = at;
        at = place(at, Assembler.syscallFunction(ARCH));
        boolean x86 = ARCH == Arch.X86_64;
        SPAWN_FUNCTION = at;
        at = x86 ? place(at, Assembler.spawnFunction(ARCH)) : at;
        CPUID_FUNCTION = at;
        if (x86) {
            place(at, Assembler.cpuidFunction());
        }
        long failed =
                INVOKER.invokeN3(mprotect, libc.getSymbolAddress("mprotect"), page, PAGE, 1 | 4);
        if ((int) failed != 0) {
            throw new IllegalStateException("memory cannot be made executable");
        }
    }

    private Native() {}

    private static long place(long at, byte[] code) {
        MEMORY.putByteArray(at, code, 0, code.length);
        return at + (code.length + 15 & ~15);
    }

    /** Makes a system call and returns the kernel's result, a negative errno included. */
    public static long call(Syscall syscall, long a0, long a1, long a2, long a3, long a4, long a5) {
        long block = BLOCK.get();
        MEMORY.putLong(block, syscall.number(ARCH));
        MEMORY.putLong(block + 8, a0);
        MEMORY.putLong(block + 16, a1);
        MEMORY.putLong(block + 24, a2);
        MEMORY.putLong(block + 32, a3);
        MEMORY.putLong(block + 40, a4);
        MEMORY.putLong(block + 48, a5);
        return INVOKER.invokeN1(POINTER_TO_LONG, SYSCALL_FUNCTION, block);
    }

    public static long call(Syscall syscall) {
        return call(syscall, 0, 0, 0, 0, 0, 0);
    }

    public static long call(Syscall syscall, long a0) {
        return call(syscall, a0, 0, 0, 0, 0, 0);
    }

    public static long call(Syscall syscall, long a0, long a1) {
        return call(syscall, a0, a1, 0, 0, 0, 0);
    }

    public static long call(Syscall syscall, long a0, long a1, long a2) {
        return call(syscall, a0, a1, a2, 0, 0, 0);
    }

    public static long call(Syscall syscall, long a0, long a1, long a2, long a3) {
        return call(syscall, a0, a1, a2, a3, 0, 0);
    }

    public static long call(Syscall syscall, long a0, long a1, long a2, long a3, long a4) {
        return call(syscall, a0, a1, a2, a3, a4, 0);
    }

    /** Whether a raw result is an error. */
    public static boolean failed(long result) {
        return result < 0 && result >= -4095;
    }

    /**
     * Passes a good result through and throws on a bad one.
     *
     * @param operation what was done to what, for the message, e.g. {@code open /proc/5/maps}
     */
    public static long check(long result, String operation) {
        if (failed(result)) {
            throw new SyscallException(operation, Errno.ofResult(result));
        }
        return result;
    }

    /**
     * Spawns a program without a copy of our memory: {@code clone3(cloneArgs)} and in the child
     * {@code execveat(fd, "", argv, envp, AT_EMPTY_PATH)}. Every descriptor that is not
     * close-on-exec stays open in it, and it starts with our signal mask.
     *
     * @return the child's pid, or a negative errno of clone3
     */
    static long spawn(
            long cloneArgs, long cloneArgsSize, int fd, long empty, long argv, long envp) {
        try (NativeMemory block = NativeMemory.allocate(112)) {
            block.putLong(0, Syscall.CLONE3.number(ARCH));
            block.putLong(8, cloneArgs);
            block.putLong(16, cloneArgsSize);
            block.putLong(56, Syscall.EXECVEAT.number(ARCH));
            block.putLong(64, fd);
            block.putLong(72, empty);
            block.putLong(80, argv);
            block.putLong(88, envp);
            block.putLong(96, 0x1000); // AT_EMPTY_PATH
            return INVOKER.invokeN1(POINTER_TO_LONG, SPAWN_FUNCTION, block.address());
        }
    }

    /**
     * Puts a function {@code long f(long *block)} where it can be executed, for good.
     *
     * @param code at most a page
     * @return its address; 0 if memory cannot be made executable
     */
    public static long code(byte[] code) {
        long page = call(Syscall.MMAP, 0, PAGE, 3, 0x22, -1, 0);
        if (failed(page)) {
            return 0;
        }
        place(page, code);
        if (call(Syscall.MPROTECT, page, PAGE, 1 | 4) != 0) {
            call(Syscall.MUNMAP, page, PAGE);
            return 0;
        }
        return page;
    }

    /** Calls a function that {@link #code} has placed. */
    public static long run(long function, long block) {
        return INVOKER.invokeN1(POINTER_TO_LONG, function, block);
    }

    /** CPUID of this processor: {eax, ebx, ecx, edx}; all 0 on other architectures. */
    public static int[] cpuid(int leaf, int subleaf) {
        int[] out = new int[4];
        if (ARCH == Arch.X86_64) {
            try (NativeMemory block = NativeMemory.allocate(16)) {
                block.putInt(0, leaf);
                block.putInt(4, subleaf);
                INVOKER.invokeN1(POINTER_TO_LONG, CPUID_FUNCTION, block.address());
                for (int i = 0; i < 4; i++) {
                    out[i] = block.getInt(4L * i);
                }
            }
        }
        return out;
    }
}
