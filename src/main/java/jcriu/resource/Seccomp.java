package jcriu.resource;

import static jcriu.kernel.ProcessConstants.*;

import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.ImageFormatException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.seccomp_entry;
import jcriu.image.proto.seccomp_filter;
import jcriu.kernel.Syscall;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Tracee;

/**
 * Seccomp filters, seccomp(2): chains of BPF programs, each linked to the older one.
 *
 * <p>Threads with equal chains share their entries.
 */
public final class Seccomp {
    private static final int BPF_INSTRUCTION = 8;
    private static final int RESTORABLE_FLAGS = 2 | 4; // LOG, SPEC_ALLOW

    /** BPF_RET | BPF_K, and of its value the action. */
    private static final int BPF_RETURN = 6;

    private static final int SECCOMP_RET_ACTION_FULL = 0xffff0000;
    private static final int SECCOMP_RET_USER_NOTIF = 0x7fc00000;

    private final List<seccomp_filter> filters = new ArrayList<>();
    private final Map<seccomp_filter, Integer> index = new HashMap<>();

    /** Index of the newest filter of a thread's chain. */
    int dump(Tracee thread) {
        List<byte[]> chain = new ArrayList<>();
        List<Integer> flags = new ArrayList<>();
        byte[] filter;
        while ((filter = thread.seccompFilter(chain.size())) != null) {
            if (asksListener(filter)) {
                throw new UnsupportedStateException(
                                "thread "
                                        + thread.tid()
                                        + " has a seccomp filter that asks a listener"
                                        + " (SECCOMP_RET_USER_NOTIF), which is not supported")
                        .withHint("see docs/limits.md#seccomp");
            }
            flags.add((int) thread.seccompFlags(chain.size()));
            chain.add(filter);
        }
        int previous = -1;
        for (int i = chain.size() - 1; i >= 0; i--) {
            seccomp_filter.Builder entry =
                    seccomp_filter
                            .newBuilder()
                            .setFilter(ByteString.copyFrom(chain.get(i)))
                            .setFlags(flags.get(i));
            if (previous >= 0) {
                entry.setPrev(previous);
            }
            seccomp_filter built = entry.build();
            Integer known = index.get(built);
            if (known == null) {
                known = filters.size();
                filters.add(built);
                index.put(built, known);
            }
            previous = known;
        }
        return previous;
    }

    /**
     * Whether a program can say that somebody else shall decide, seccomp_unotify(2). Who that is
     * the kernel does not tell; without him such calls fail with ENOSYS.
     *
     * <p>{@code struct sock_filter {u16 code; u8 jt, jf; u32 k}}.
     */
    static boolean asksListener(byte[] program) {
        ByteBuffer code = ByteBuffer.wrap(program).order(ByteOrder.nativeOrder());
        for (int at = 0; at + BPF_INSTRUCTION <= program.length; at += BPF_INSTRUCTION) {
            int action = code.getInt(at + 4) & SECCOMP_RET_ACTION_FULL;
            if (code.getShort(at) == BPF_RETURN && action == SECCOMP_RET_USER_NOTIF) {
                return true;
            }
        }
        return false;
    }

    public void write(ImageDir images) {
        try (ImageWriter out = images.writer(ImageType.SECCOMP)) {
            out.write(seccomp_entry.newBuilder().addAllSeccompFilters(filters).build());
        }
    }

    /** Filters of an image. */
    public static List<seccomp_filter> read(ImageDir images) {
        try (ImageReader in = images.reader(ImageType.SECCOMP)) {
            return in.next(seccomp_entry.parser())
                    .map(seccomp_entry::getSeccompFiltersList)
                    .orElse(List.of());
        }
    }

    /** Adds a chain, the oldest filter first. No other call may follow in the thread. */
    public static void restore(
            List<seccomp_filter> filters, int newest, RemoteBatch batch, Runnable flush) {
        List<seccomp_filter> chain = new ArrayList<>();
        int at = newest;
        while (true) {
            if (at < 0 || at >= filters.size() || chain.size() > filters.size()) {
                throw new ImageFormatException("seccomp.img", -1, "has no filter chain " + newest);
            }
            chain.add(0, filters.get(at));
            if (!filters.get(at).hasPrev()) {
                break;
            }
            at = filters.get(at).getPrev();
        }
        for (seccomp_filter filter : chain) {
            byte[] program = filter.getFilter().toByteArray();
            if (!batch.fits(1, program.length + 16)) {
                flush.run(); // whose calls pass the filters so far
            }
            long code = batch.data(program);
            long header = batch.data(16); // struct sock_fprog {u16 len; filter *}
            batch.putInt(header, program.length / BPF_INSTRUCTION);
            batch.putLong(header + 8, code);
            batch.add(
                    "install a seccomp filter",
                    Syscall.SECCOMP,
                    SECCOMP_SET_MODE_FILTER,
                    filter.getFlags() & RESTORABLE_FLAGS,
                    header);
        }
    }
}
