package jcriu.tracee;

import static jcriu.kernel.MmanConstants.PROT_EXEC;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.kernel.Assembler;
import jcriu.proc.MapsVma;
import jcriu.sys.Native;

/**
 * Where a program has the code that returns from a signal handler, {@code mov $__NR_rt_sigreturn,
 * %eax; syscall}: every C library has it ({@code sa_restorer}, sigaction(2)), and so has what makes
 * its calls itself. A thread that makes a call for us and loses its tracer goes on there.
 *
 * <p>The vDSO of x86-64 has none, and nothing tells the address; so files that are mapped as code
 * are searched, once each, before the target is stopped.
 *
 * @param start address of the first instruction
 * @param call address of the {@code syscall} instruction
 */
public record ReturnCode(long start, long call) {
    private static final int CHUNK = 256 << 10;

    /** Of larger mappings only the beginning is searched, bytes. */
    private static final long MOST = 64 << 20;

    private static final byte[][] FORMS = Assembler.signalReturns(Native.ARCH);
    private static final int LONGEST = Arrays.stream(FORMS).mapToInt(f -> f.length).max().orElse(0);

    /** A piece of a file that is mapped. */
    private record Piece(int devMajor, int devMinor, long inode, long offset, long length) {}

    private static final long NOWHERE = -1;

    /** What was searched: bytes from the start of the piece, or {@link #NOWHERE}. */
    private static final Map<Piece, Long> SEARCHED = new HashMap<>();

    /**
     * Looks for it in the mappings of a process, running or stopped.
     *
     * @return null where there is none
     */
    public static synchronized ReturnCode find(int pid, List<MapsVma> vmas) {
        List<MapsVma> code = new ArrayList<>();
        for (MapsVma vma : vmas) {
            if ((vma.prot() & PROT_EXEC) != 0 && vma.inode() != 0 && !vma.shared()) {
                code.add(vma);
            }
        }
        code.sort(
                Comparator.comparing((MapsVma vma) -> !isLibrary(vma))
                        .thenComparingLong(MapsVma::lengthBytes));
        for (MapsVma vma : code) {
            Piece piece =
                    new Piece(
                            vma.devMajor(),
                            vma.devMinor(),
                            vma.inode(),
                            vma.offset(),
                            vma.lengthBytes());
            long at = SEARCHED.computeIfAbsent(piece, p -> search(pid, vma));
            if (at != NOWHERE) {
                // the file may have changed, or the program its copy of it
                byte[] now = RemoteMemory.read(pid, vma.start() + at, LONGEST);
                for (byte[] form : FORMS) {
                    if (startsWith(now, 0, now.length, form)) {
                        long start = vma.start() + at;
                        return new ReturnCode(start, start + form.length - CALL_LENGTH);
                    }
                }
            }
        }
        return null;
    }

    private static final int CALL_LENGTH = Assembler.syscallInstruction(Native.ARCH).length;

    private static boolean isLibrary(MapsVma vma) {
        String name = vma.name().substring(vma.name().lastIndexOf('/') + 1);
        return name.startsWith("libc.") || name.startsWith("libc-") || name.startsWith("ld-musl");
    }

    private static long search(int pid, MapsVma vma) {
        String link = Long.toHexString(vma.start()) + "-" + Long.toHexString(vma.end());
        long length = Math.min(vma.lengthBytes(), MOST);
        ByteBuffer buffer = ByteBuffer.allocate(CHUNK);
        try (SeekableByteChannel file =
                Files.newByteChannel(Path.of("/proc/" + pid + "/map_files/" + link))) {
            for (long from = 0; from < length; from += CHUNK - LONGEST) {
                file.position(vma.offset() + from);
                buffer.clear();
                int n = file.read(buffer);
                int at = indexIn(buffer.array(), n);
                if (at >= 0) {
                    return from + at + LONGEST <= length ? from + at : NOWHERE;
                }
            }
        } catch (IOException e) {
            return NOWHERE; // unmapped meanwhile, or a file that cannot be read: there are others
        }
        return NOWHERE;
    }

    private static int indexIn(byte[] bytes, int length) {
        for (int i = 0; i < length; i++) {
            for (byte[] form : FORMS) {
                if (bytes[i] == form[0] && startsWith(bytes, i, length, form)) {
                    return i;
                }
            }
        }
        return -1;
    }

    private static boolean startsWith(byte[] bytes, int at, int length, byte[] form) {
        return at + form.length <= length
                && Arrays.equals(bytes, at, at + form.length, form, 0, form.length);
    }
}
