package jcriu.sys;

import static jcriu.kernel.FileConstants.AT_FDCWD;
import static jcriu.kernel.FileConstants.O_CLOEXEC;

import jcriu.kernel.Syscall;

/**
 * One of our own descriptors, close-on-exec unless somebody says otherwise. Closing twice is
 * harmless; using a closed one throws.
 */
public final class Fd implements AutoCloseable {
    private final int number;
    private final String name;
    private boolean open = true;

    /** Takes over a descriptor that the caller just got. */
    public Fd(long number, String name) {
        this.number = (int) number;
        this.name = name;
    }

    /**
     * open(2), close-on-exec.
     *
     * @throws jcriu.errors.SyscallException with whatever open(2) fails with
     */
    public static Fd open(String path, int flags, int mode) {
        return new Fd(Native.check(tryOpen(path, flags, mode), "open " + path), path);
    }

    public static Fd open(String path, int flags) {
        return open(path, flags, 0);
    }

    /** open(2), close-on-exec: the descriptor or a negative errno. */
    public static long tryOpen(String path, int flags, int mode) {
        try (NativeMemory name = NativeMemory.cString(path)) {
            return Native.call(
                    Syscall.OPENAT, AT_FDCWD, name.address(), flags | O_CLOEXEC, mode);
        }
    }

    public int number() {
        if (!open) {
            throw new IllegalStateException("descriptor of " + name + " is used after close");
        }
        return number;
    }

    public String name() {
        return name;
    }

    /** How another process reaches the same file: it opens this path. */
    public String procPath() {
        return "/proc/" + ProcessHandle.current().pid() + "/fd/" + number();
    }

    @Override
    public void close() {
        if (open) {
            open = false;
            Native.call(Syscall.CLOSE, number);
        }
    }

    @Override
    public String toString() {
        return "fd " + number + " (" + name + ")";
    }
}
