package jcriu.proc;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/**
 * {@code /proc/PID/auxv}: pairs of type and value, up to and with the pair AT_NULL.
 *
 * <p>Words are 8 bytes; a 32-bit task would have words of 4.
 *
 * <p>Source: proc_pid_auxv(5), getauxval(3).
 */
public final class Auxv {
    public static final long AT_NULL = 0;

    private Auxv() {}

    /** Type, value, type, value ...; empty for a kernel thread. */
    public static long[] read(int pid) {
        ProcBuffer buffer = ProcBuffer.read("/proc/" + pid + "/auxv");
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static long[] parse(byte[] bytes, int lengthBytes) {
        if (lengthBytes % (2 * Long.BYTES) != 0) {
            throw new JcriuException(
                    Kind.INTERNAL, "/proc auxv: " + lengthBytes + " bytes are not whole pairs");
        }
        long[] words = new long[lengthBytes / Long.BYTES];
        ByteBuffer.wrap(bytes, 0, lengthBytes)
                .order(ByteOrder.nativeOrder())
                .asLongBuffer()
                .get(words);
        return words;
    }
}
