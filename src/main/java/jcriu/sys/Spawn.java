package jcriu.sys;

import static jcriu.kernel.ProcessConstants.*;

import jcriu.kernel.Syscall;

/**
 * Starts a program without ProcessBuilder, whose reaper thread would take ptrace stops from us, and
 * without copying the JVM: like vfork(2) and execveat(2), in one emitted function.
 */
public final class Spawn {
    private Spawn() {}

    /**
     * @param program an open executable
     * @param pid the pid it must get, or 0
     * @param sibling whether it becomes our sibling instead of our child
     * @return the pid, or a negative errno of clone3(2)
     */
    public static int spawn(Fd program, int pid, boolean sibling) {
        try (NativeMemory args = NativeMemory.allocate(CLONE_ARGS_SIZE + 8L);
                NativeMemory strings = NativeMemory.allocate(64)) {
            long flags = CLONE_VM | CLONE_VFORK | (sibling ? CLONE_PARENT : 0);
            args.putLong(0, flags);
            args.putLong(32, sibling ? 0 : SIGCHLD);
            if (pid != 0) {
                args.putInt(CLONE_ARGS_SIZE, pid);
                args.putLong(64, args.address() + CLONE_ARGS_SIZE);
                args.putLong(72, 1);
            }
            strings.put(0, "jcriu".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
            long argv = strings.address() + 16;
            strings.putLong(16, strings.address());
            long empty = strings.address() + 48; // a NUL, and a list of none
            return withSignalsBlocked(
                    () ->
                            (int)
                                    Native.spawn(
                                            args.address(),
                                            CLONE_ARGS_SIZE,
                                            program.number(),
                                            empty,
                                            argv,
                                            empty));
        }
    }

    private static int withSignalsBlocked(java.util.function.IntSupplier action) {
        try (NativeMemory masks = NativeMemory.allocate(16)) {
            masks.putLong(0, -1L);
            long at = masks.address();
            Native.check(Native.call(Syscall.RT_SIGPROCMASK, 2, at, at + 8, 8), "rt_sigprocmask");
            try {
                return action.getAsInt();
            } finally {
                Native.call(Syscall.RT_SIGPROCMASK, 2, at + 8, 0, 8);
            }
        }
    }
}
