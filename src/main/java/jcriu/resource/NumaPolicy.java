package jcriu.resource;

import com.google.protobuf.ByteString;
import java.util.Arrays;
import jcriu.image.proto.jcriu_thread;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.tracee.RemoteBatch;

/**
 * On which NUMA nodes a thread gets its memory: set_mempolicy(2). A fresh thread has the default.
 * Policies of single mappings are part of {@link MemoryExtras}.
 */
public final class NumaPolicy {
    /** Of 1024 nodes, more than any kernel has: MAX_NUMNODES. */
    public static final int MASK_BYTES = 128;

    /** The kernel takes one off. */
    static final int MAX_NODE = MASK_BYTES * 8 + 1;

    private final RemoteBatch batch;
    private final long mode;
    private final long nodes;
    private final int asked;

    private NumaPolicy(RemoteBatch batch) {
        this.batch = batch;
        mode = batch.data(8);
        nodes = batch.data(MASK_BYTES);
        asked = batch.tolerate(Syscall.GET_MEMPOLICY, mode, nodes, MAX_NODE, 0, 0);
    }

    /**
     * Adds the question that only the thread itself can ask; a kernel without NUMA knows nothing.
     */
    static NumaPolicy ask(RemoteBatch batch) {
        return new NumaPolicy(batch);
    }

    void dump(jcriu_thread.Builder thread) {
        if (Native.failed(batch.result(asked)) || batch.getInt(mode) == 0) {
            return;
        }
        byte[] mask = new byte[MASK_BYTES];
        for (int i = 0; i < MASK_BYTES; i += 4) {
            int word = batch.getInt(nodes + i);
            for (int b = 0; b < 4; b++) {
                mask[i + b] = (byte) (word >> 8 * b);
            }
        }
        thread.setNumaMode(batch.getInt(mode)).setNumaNodes(ByteString.copyFrom(mask));
    }

    // ------------------------------------------------------------------ restore

    /** Adds what gives the thread its policy; a machine without those nodes keeps the default. */
    static void restore(jcriu_thread thread, RemoteBatch batch) {
        if (thread.hasNumaMode()) {
            byte[] mask = Arrays.copyOf(thread.getNumaNodes().toByteArray(), MASK_BYTES);
            batch.tolerate(Syscall.SET_MEMPOLICY, thread.getNumaMode(), batch.data(mask), MAX_NODE);
        }
    }
}
