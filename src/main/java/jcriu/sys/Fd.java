package jcriu.sys;

import static jcriu.kernel.FileConstants.AT_FDCWD;
import static jcriu.kernel.FileConstants.O_CLOEXEC;

import jcriu.errors.Errno;
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
            return Native.call(Syscall.OPENAT, AT_FDCWD, name.address(), flags | O_CLOEXEC, mode);
        }
    }

    /**
     * The same open file that a descriptor of another process stands for: pidfd_getfd(2).
     *
     * @throws jcriu.errors.SyscallException EPERM without PTRACE_MODE_ATTACH, EBADF, ESRCH
     */
    public static Fd take(int pid, int fd) {
        String what = "descriptor " + fd + " of task " + pid;
        try (Fd pidfd =
                new Fd(
                        Native.check(Native.call(Syscall.PIDFD_OPEN, pid, 0), "pidfd_open " + pid),
                        "pidfd " + pid)) {
            return new Fd(
                    Native.check(
                            Native.call(Syscall.PIDFD_GETFD, pidfd.number(), fd, 0),
                            "take " + what),
                    what);
        }
    }

    /**
     * pwrite(2), once.
     *
     * @return bytes written, at least 1
     */
    public long write(long address, long length, long offset) {
        long n = Native.call(Syscall.PWRITE64, number(), address, length, offset);
        return Native.check(n == 0 ? -Errno.EIO.number() : n, "write " + name);
    }

    /** pwrite(2) until all is written. */
    public void writeFully(long address, long length, long offset) {
        while (length > 0) {
            long n = write(address, length, offset);
            address += n;
            length -= n;
            offset += n;
        }
    }

    /**
     * pread(2) until all is read.
     *
     * @return bytes read: fewer than asked only at the end of the file
     */
    public long readFully(long address, long length, long offset) {
        long done = 0;
        while (done < length) {
            long n =
                    Native.call(
                            Syscall.PREAD64,
                            number(),
                            address + done,
                            length - done,
                            offset + done);
            Native.check(n, "read " + name);
            if (n == 0) {
                break;
            }
            done += n;
        }
        return done;
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
