package jcriu.tracee;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jcriu.errors.EnvironmentException;
import jcriu.kernel.Assembler;
import jcriu.sys.Native;

/**
 * The vDSO of this kernel: the code page that every process has mapped, vdso(7). All processes have
 * the same bytes at different addresses, so what is found in ours is found in theirs.
 */
public final class Vdso {
    /**
     * A test's wish, {@code -Djcriu.vdso=foreign}: a restore takes the vDSO of the images for that
     * of another kernel, and a dump gives threads all the time they need to leave it.
     */
    public static final boolean TREAT_AS_FOREIGN =
            "foreign".equals(System.getProperty("jcriu.vdso"));

    private static byte[] bytes;
    private static int syscallOffset = -1;

    private Vdso() {}

    /** Our own vDSO's content. */
    public static synchronized byte[] bytes() {
        if (bytes == null) {
            try {
                for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
                    if (line.endsWith("[vdso]")) {
                        int dash = line.indexOf('-');
                        long start = Long.parseUnsignedLong(line.substring(0, dash), 16);
                        long end =
                                Long.parseUnsignedLong(
                                        line.substring(dash + 1, line.indexOf(' ')), 16);
                        byte[] found = new byte[(int) (end - start)];
                        MemoryIO.getInstance().getByteArray(start, found, 0, found.length);
                        bytes = found;
                    }
                }
            } catch (IOException e) {
                throw new EnvironmentException("cannot read /proc/self/maps: " + e.getMessage());
            }
            if (bytes == null) {
                throw (EnvironmentException)
                        new EnvironmentException("this kernel maps no vDSO")
                                .withHint("boot without vdso=0");
            }
        }
        return bytes;
    }

    /** Whether a {@code syscall} instruction begins or ends at an offset of a vDSO. */
    public static boolean isAtCall(byte[] code, int at) {
        return isCall(code, at) || isCall(code, at - 2);
    }

    private static boolean isCall(byte[] code, int at) {
        byte[] wanted = Assembler.syscallInstruction(Native.ARCH);
        return at >= 0
                && at + wanted.length <= code.length
                && Arrays.equals(code, at, at + wanted.length, wanted, 0, wanted.length);
    }

    /**
     * Whether a thread that is at {@code offset} could not go on under another kernel: it is about
     * to read the data of this one.
     */
    public static boolean isInside(long offset) {
        return offset > 0 && offset < bytes().length && !isAtCall(bytes(), (int) offset);
    }

    /** Byte offset of a {@code syscall} instruction in the vDSO. */
    public static synchronized int syscallOffset() {
        if (syscallOffset < 0) {
            byte[] all = bytes();
            for (int i = 0; i < all.length && syscallOffset < 0; i++) {
                if (isCall(all, i)) {
                    syscallOffset = i;
                }
            }
            if (syscallOffset < 0) {
                throw new EnvironmentException(
                        "the vDSO of this kernel has no syscall instruction");
            }
        }
        return syscallOffset;
    }
}
