package jcriu.proc;

import java.io.FileInputStream;
import java.io.IOException;
import java.util.Arrays;

/**
 * The content of one {@code /proc} file, in an array that the next read on this thread reuses.
 *
 * <p>So parse at once, and let nothing parsed keep a reference to {@link #bytes}.
 */
final class ProcBuffer {
    /**
     * FileInputStream copies through the C stack up to this size and through malloc above it; the
     * kernel hands out at most a page of a seq_file per read anyway.
     */
    private static final int READ_SIZE_BYTES = 8192;

    private static final ThreadLocal<ProcBuffer> OF_THREAD =
            ThreadLocal.withInitial(ProcBuffer::new);

    private byte[] bytes = new byte[64 * 1024];
    private int lengthBytes;

    /** Reads the whole file into this thread's buffer. */
    static ProcBuffer read(String path) {
        ProcBuffer buffer = OF_THREAD.get();
        try {
            buffer.fill(path);
        } catch (IOException e) {
            throw ProcFailure.of(path, e);
        }
        return buffer;
    }

    byte[] bytes() {
        return bytes;
    }

    int lengthBytes() {
        return lengthBytes;
    }

    private void fill(String path) throws IOException {
        lengthBytes = 0;
        try (FileInputStream in = new FileInputStream(path)) {
            while (true) {
                if (lengthBytes == bytes.length) {
                    bytes = Arrays.copyOf(bytes, bytes.length * 2);
                }
                int room = Math.min(READ_SIZE_BYTES, bytes.length - lengthBytes);
                int count = in.read(bytes, lengthBytes, room);
                if (count < 0) {
                    return;
                }
                lengthBytes += count;
            }
        }
    }
}
