package jcriu.tracee;

import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.RemoteSyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Assembler;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * Many system calls of one tracee behind one stop. Build it with {@link #add} and {@link #data},
 * then {@link #run}, or {@link #start} in many tasks and {@link #finish} in each; then read results
 * and data.
 *
 * <p>Entries and data are kept here and copied over in one write; after the run they are copied
 * back in one read.
 */
public final class RemoteBatch implements AutoCloseable {
    private final Scratch scratch;
    private final long base;
    private final int size;
    private final NativeMemory mirror;
    private final java.util.ArrayList<String> labels = new java.util.ArrayList<>();
    private int entries;
    private int dataStart;
    private SignalFrame wayBack;

    RemoteBatch(Scratch scratch, long base, int size) {
        this.scratch = scratch;
        this.base = base;
        this.size = size;
        this.mirror = NativeMemory.allocate(size);
        this.dataStart = size;
    }

    /** Whether {@code calls} more entries and {@code bytes} more data still fit. */
    public boolean fits(int calls, int bytes) {
        long entriesEnd = (long) (entries + calls) * Assembler.BATCH_ENTRY_SIZE;
        return entriesEnd + bytes + 16L * (calls + 1) <= dataStart;
    }

    /**
     * Gives the thread a way back to what it did, should it lose its tracer while the batch runs.
     * To be said first, and of a frame that is written.
     */
    public void wayBack(SignalFrame frame) {
        if (frame.signal() != 0) {
            wayBack = frame;
            add("", Syscall.SIGALTSTACK, 0, frame.stack());
        }
    }

    /** Number of calls so far. */
    public int size() {
        return entries;
    }

    /** Adds a call that must succeed; its index is what {@link #result} takes. */
    public int add(String what, Syscall call, long... args) {
        return add(what, 0, call, args);
    }

    /** Adds a call that may fail. */
    public int tolerate(Syscall call, long... args) {
        return add("", Assembler.BATCH_TOLERATE, call, args);
    }

    private int add(String what, int flags, Syscall call, long... args) {
        if (!fits(1, 0)) {
            throw new JcriuException(Kind.INTERNAL, "a batch of remote calls is full");
        }
        long at = (long) entries * Assembler.BATCH_ENTRY_SIZE;
        mirror.putLong(at, call.number(Native.ARCH));
        for (int i = 0; i < 6; i++) {
            mirror.putLong(at + 8 + 8L * i, i < args.length ? args[i] : 0);
        }
        mirror.putLong(at + Assembler.BATCH_RESULT, 0);
        mirror.putLong(at + Assembler.BATCH_FLAGS, flags);
        labels.add(what.isEmpty() ? call.lowerName() : what + ": " + call.lowerName());
        return entries++;
    }

    /** Reserves {@code length} zero bytes, 16-byte aligned; the address as the tracee sees it. */
    public long data(int length) {
        int start = dataStart - length & ~15;
        if (start < entries * Assembler.BATCH_ENTRY_SIZE) {
            throw new JcriuException(Kind.INTERNAL, "a batch of remote calls is full");
        }
        dataStart = start;
        mirror.put(dataStart, new byte[length]);
        return base + dataStart;
    }

    public long data(byte[] bytes) {
        long at = data(bytes.length);
        mirror.put(at - base, bytes);
        return at;
    }

    public long cString(String text) {
        return cString(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    public long cString(byte[] bytes) {
        return data(java.util.Arrays.copyOf(bytes, bytes.length + 1));
    }

    public void putLong(long remote, long value) {
        mirror.putLong(remote - base, value);
    }

    public void putInt(long remote, int value) {
        mirror.putInt(remote - base, value);
    }

    public long getLong(long remote) {
        return mirror.getLong(remote - base);
    }

    public int getInt(long remote) {
        return mirror.getInt(remote - base);
    }

    public byte[] get(long remote, int length) {
        return mirror.get(remote - base, length);
    }

    /** Writes the batch into the tracee and starts it. */
    public void start(Tracee tracee) {
        move(Syscall.PROCESS_VM_WRITEV);
        tracee.startBatch(scratch.code(), base, entries, wayBack);
    }

    /**
     * Waits for the end and reads everything back.
     *
     * @throws RemoteSyscallException for the call that failed and was not tolerated
     */
    public void finish(Tracee tracee) {
        long left = tracee.awaitBatch();
        move(Syscall.PROCESS_VM_READV);
        if (left != 0) {
            int failed = (int) (entries - left);
            throw new RemoteSyscallException(
                    tracee.tid(), describe(failed), Errno.ofResult(result(failed)));
        }
    }

    private String describe(int index) {
        StringBuilder text = new StringBuilder(labels.get(index)).append('(');
        for (int i = 0; i < 6; i++) {
            text.append(i == 0 ? "0x" : ", 0x")
                    .append(
                            Long.toHexString(
                                    mirror.getLong(
                                            (long) index * Assembler.BATCH_ENTRY_SIZE
                                                    + 8
                                                    + 8L * i)));
        }
        return text.append(')').toString();
    }

    /** Runs what has been added, if anything, and waits for its end. */
    public void run(Tracee tracee) {
        if (entries > 0) {
            start(tracee);
            finish(tracee);
        }
    }

    /** Runs what has been added and forgets it: room for more. */
    public void flush(Tracee tracee) {
        run(tracee);
        reset();
    }

    /** Forgets entries and data. */
    public void reset() {
        entries = 0;
        labels.clear();
        dataStart = size;
    }

    /** What the kernel returned for a call, a tolerated error included. */
    public long result(int index) {
        return mirror.getLong((long) index * Assembler.BATCH_ENTRY_SIZE + Assembler.BATCH_RESULT);
    }

    private void move(Syscall call) {
        int head = entries * Assembler.BATCH_ENTRY_SIZE;
        int tail = size - dataStart;
        try (NativeMemory iovecs = NativeMemory.allocate(64)) {
            iovecs.putLong(0, mirror.address());
            iovecs.putLong(8, head);
            iovecs.putLong(16, mirror.address() + dataStart);
            iovecs.putLong(24, tail);
            iovecs.putLong(32, base);
            iovecs.putLong(40, head);
            iovecs.putLong(48, base + dataStart);
            iovecs.putLong(56, tail);
            long at = iovecs.address();
            long n = Native.call(call, scratch.pid(), at, 2, at + 32, 2, 0);
            if (n == -Errno.ESRCH.number()) {
                throw new TaskGoneException(scratch.pid(), "batch");
            }
            Native.check(n, "copy a batch of task " + scratch.pid());
            if (n != head + tail) {
                throw new JcriuException(
                        Kind.INTERNAL, "a batch was copied in part: " + n + " of " + (head + tail));
            }
        }
    }

    @Override
    public void close() {
        mirror.close();
    }
}
