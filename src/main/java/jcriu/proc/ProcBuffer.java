package jcriu.proc;

import static jcriu.kernel.FileConstants.O_RDONLY;

import java.util.Arrays;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * The content of one {@code /proc} file, in an array that the next read on this thread reuses.
 *
 * <p>So parse at once, and let nothing parsed keep a reference to {@link #bytes}. The calls are our
 * own: java.io takes several times as long, and hides the errno.
 */
final class ProcBuffer {
    private static final int READ_SIZE_BYTES = 64 * 1024;

    private static final ThreadLocal<ProcBuffer> OF_THREAD =
            ThreadLocal.withInitial(ProcBuffer::new);

    private final NativeMemory window = NativeMemory.allocate(READ_SIZE_BYTES);
    private byte[] bytes = new byte[READ_SIZE_BYTES];
    private int lengthBytes;

    /** Reads the whole file into this thread's buffer. */
    static ProcBuffer read(String path) {
        ProcBuffer buffer = OF_THREAD.get();
        buffer.fill(path, Syscall.READ);
        return buffer;
    }

    /** Reads a whole directory into this thread's buffer: {@code struct linux_dirent64} entries. */
    static ProcBuffer readDirectory(String path) {
        ProcBuffer buffer = OF_THREAD.get();
        buffer.fill(path, Syscall.GETDENTS64);
        return buffer;
    }

    byte[] bytes() {
        return bytes;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    private void fill(String path, Syscall how) {
        lengthBytes = 0;
        long fd = Fd.tryOpen(path, O_RDONLY, 0);
        if (Native.failed(fd)) {
            throw ProcFailure.of(path, fd);
        }
        try {
            while (true) {
                long count = Native.call(how, fd, window.address(), READ_SIZE_BYTES);
                if (Native.failed(count)) {
                    throw ProcFailure.of(path, count);
                }
                if (count == 0) {
                    return;
                }
                if (lengthBytes + count > bytes.length) {
                    bytes = Arrays.copyOf(bytes, bytes.length * 2);
                }
                window.get(0, bytes, lengthBytes, (int) count);
                lengthBytes += (int) count;
            }
        } finally {
            Native.call(Syscall.CLOSE, fd);
        }
    }
}
