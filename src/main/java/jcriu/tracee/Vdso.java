package jcriu.tracee;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jcriu.errors.EnvironmentException;
import jcriu.kernel.Assembler;
import jcriu.sys.Native;

/**
 * The vDSO of this kernel: the code page that every process has mapped, vdso(7). All processes have
 * the same bytes at different addresses, so what is found in ours is found in theirs.
 */
public final class Vdso {
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

    /** Byte offset of a {@code syscall} instruction in the vDSO. */
    public static synchronized int syscallOffset() {
        if (syscallOffset < 0) {
            byte[] wanted = Assembler.syscallInstruction(Native.ARCH);
            byte[] all = bytes();
            for (int i = 0; i + wanted.length <= all.length && syscallOffset < 0; i++) {
                int same = 0;
                while (same < wanted.length && all[i + same] == wanted[same]) {
                    same++;
                }
                if (same == wanted.length) {
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
