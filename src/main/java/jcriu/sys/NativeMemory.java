package jcriu.sys;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * A block of off-heap memory with bounds: offsets are in bytes from its start, numbers in the byte
 * order of the machine.
 */
public final class NativeMemory implements AutoCloseable {
    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    private final long address;
    private final long size;
    private boolean open = true;

    private NativeMemory(long address, long size) {
        this.address = address;
        this.size = size;
    }

    /** Zero-filled memory of {@code size} bytes, freed by {@link #close}. */
    public static NativeMemory allocate(long size) {
        long address = MEMORY.allocateMemory(Math.max(size, 8), true);
        if (address == 0) {
            throw new OutOfMemoryError(size + " bytes of native memory");
        }
        return new NativeMemory(address, size);
    }

    /** The string with a NUL behind it. */
    public static NativeMemory cString(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        NativeMemory memory = allocate(bytes.length + 1L);
        memory.put(0, bytes);
        return memory;
    }

    public long address() {
        if (!open) {
            throw new IllegalStateException("native memory is used after close");
        }
        return address;
    }

    public long size() {
        return size;
    }

    private long at(long offset, long length) {
        if (offset < 0 || length < 0 || offset > size - length || !open) {
            throw new IndexOutOfBoundsException(
                    offset + "+" + length + " of " + size + " native bytes, open: " + open);
        }
        return address + offset;
    }

    public long getLong(long offset) {
        return MEMORY.getLong(at(offset, 8));
    }

    public void putLong(long offset, long value) {
        MEMORY.putLong(at(offset, 8), value);
    }

    public int getInt(long offset) {
        return MEMORY.getInt(at(offset, 4));
    }

    public void putInt(long offset, int value) {
        MEMORY.putInt(at(offset, 4), value);
    }

    public byte[] get(long offset, int length) {
        byte[] out = new byte[length];
        MEMORY.getByteArray(at(offset, length), out, 0, length);
        return out;
    }

    /** Copies {@code length} bytes into an array at {@code at}. */
    public void get(long offset, byte[] into, int at, int length) {
        MEMORY.getByteArray(at(offset, length), into, at, length);
    }

    public void put(long offset, byte[] bytes) {
        MEMORY.putByteArray(at(offset, bytes.length), bytes, 0, bytes.length);
    }

    public void clear() {
        MEMORY.setMemory(at(0, size), size, (byte) 0);
    }

    /** The same memory as a direct buffer; valid until {@link #close}. */
    public ByteBuffer buffer(long offset, int length) {
        return MEMORY.newDirectByteBuffer(at(offset, length), length)
                .order(java.nio.ByteOrder.nativeOrder());
    }

    @Override
    public void close() {
        if (open) {
            open = false;
            MEMORY.freeMemory(address);
        }
    }
}
