package jcriu.tracee;

import static jcriu.kernel.FileConstants.O_RDWR;

import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Syscall;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * The memory of another process. These calls belong to no particular thread.
 *
 * <p>process_vm_readv(2) and process_vm_writev(2) respect the protection of the pages; {@code
 * /proc/PID/mem}, proc_pid_mem(5), does not, and is asked where they fail with EFAULT.
 */
public final class RemoteMemory {
    /** Most iovecs of a call: readv(2). */
    private static final int IOV_MAX = 1024;

    /** Bytes of a struct iovec. */
    private static final int IOVEC = 16;

    private RemoteMemory() {}

    /** Copies {@code length} bytes at {@code from} in the process to our own memory. */
    public static void read(int pid, long from, long to, long length) {
        move(Syscall.PROCESS_VM_READV, pid, from, to, length);
    }

    /** Copies pages that stand apart, one behind the other, by as few calls as can be. */
    public static void read(int pid, Runs pages, long to) {
        int most = Math.min(pages.size(), IOV_MAX);
        try (NativeMemory iovecs = NativeMemory.allocate(IOVEC * (1L + most))) {
            for (int first = 0; first < pages.size(); first += most) {
                int count = Math.min(most, pages.size() - first);
                long bytes = 0;
                for (int i = 0; i < count; i++) {
                    long length = pages.end(first + i) - pages.start(first + i);
                    iovecs.putLong(IOVEC * (1L + i), pages.start(first + i));
                    iovecs.putLong(IOVEC * (1L + i) + 8, length);
                    bytes += length;
                }
                iovecs.putLong(0, to);
                iovecs.putLong(8, bytes);
                long at = iovecs.address();
                if (Native.call(Syscall.PROCESS_VM_READV, pid, at, 1, at + IOVEC, count, 0)
                        == bytes) {
                    to += bytes;
                    continue;
                }
                for (int i = first; i < first + count; i++) { // tells what is wrong with which
                    long length = pages.end(i) - pages.start(i);
                    read(pid, pages.start(i), to, length);
                    to += length;
                }
            }
        }
    }

    /** Copies {@code length} bytes of our own memory to {@code to} in the process. */
    public static void write(int pid, long to, long from, long length) {
        move(Syscall.PROCESS_VM_WRITEV, pid, to, from, length);
    }

    public static byte[] read(int pid, long from, int length) {
        try (NativeMemory buffer = NativeMemory.allocate(length)) {
            read(pid, from, buffer.address(), length);
            return buffer.get(0, length);
        }
    }

    public static void write(int pid, long to, byte[] bytes) {
        try (NativeMemory buffer = NativeMemory.allocate(bytes.length)) {
            buffer.put(0, bytes);
            write(pid, to, buffer.address(), bytes.length);
        }
    }

    private static void move(Syscall call, int pid, long remote, long local, long length) {
        try (NativeMemory iovecs = NativeMemory.allocate(32)) {
            while (length > 0) {
                long chunk = Math.min(length, 1 << 30);
                iovecs.putLong(0, local);
                iovecs.putLong(8, chunk);
                iovecs.putLong(16, remote);
                iovecs.putLong(24, chunk);
                long at = iovecs.address();
                long n = Native.call(call, pid, at, 1, at + 16, 1, 0);
                if (n <= 0) {
                    if (n == -Errno.ESRCH.number()) {
                        throw new TaskGoneException(pid, call.lowerName());
                    }
                    if (n == 0 || n == -Errno.EFAULT.number()) {
                        throughProcMem(call, pid, remote, local, length);
                        return;
                    }
                    throw new SyscallException(
                            call.lowerName()
                                    + " of "
                                    + chunk
                                    + " bytes at 0x"
                                    + Long.toHexString(remote)
                                    + " of task "
                                    + pid,
                            Errno.ofResult(n));
                }
                local += n;
                remote += n;
                length -= n;
            }
        }
    }

    private static void throughProcMem(
            Syscall call, int pid, long remote, long local, long length) {
        boolean reading = call == Syscall.PROCESS_VM_READV;
        try (Fd mem = Fd.open("/proc/" + pid + "/mem", O_RDWR)) {
            while (length > 0) {
                long n =
                        Native.call(
                                reading ? Syscall.PREAD64 : Syscall.PWRITE64,
                                mem.number(),
                                local,
                                length,
                                remote);
                if (n <= 0) {
                    throw new SyscallException(
                            (reading ? "read " : "write ")
                                    + length
                                    + " bytes at 0x"
                                    + Long.toHexString(remote)
                                    + " of task "
                                    + pid,
                            n == 0 ? Errno.EIO : Errno.ofResult(n));
                }
                local += n;
                remote += n;
                length -= n;
            }
        }
    }
}
