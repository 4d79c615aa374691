package jcriu.tracee;

import static jcriu.kernel.MmanConstants.*;

import jcriu.errors.Errno;
import jcriu.errors.RemoteSyscallException;
import jcriu.kernel.Assembler;
import jcriu.kernel.Syscall;
import jcriu.sys.FaultPoint;
import jcriu.sys.Native;

/**
 * A borrowed piece of a process's address space: one page of batch code, then room for entries and
 * data.
 *
 * <pre>
 * base            base + 4096                                        base + size
 * | batch code    | entries grow up ->                <- data grows down |
 * </pre>
 */
public final class Scratch {
    private static final int CODE_SIZE = 4096;
    private static final byte[] CODE = Assembler.batch(Native.ARCH);

    private final int pid;
    private final long base;
    private final int size;

    private Scratch(int pid, long base, int size) {
        this.pid = pid;
        this.base = base;
        this.size = size;
    }

    /** Maps a scratch area wherever the kernel likes. */
    public static Scratch map(Tracee tracee, int size) {
        return map(tracee, 0, size);
    }

    /** Maps a scratch area at {@code address}, where nothing may be mapped yet. */
    public static Scratch map(Tracee tracee, long address, int size) {
        long base;
        try {
            base = map(tracee, address, size, PROT_READ | PROT_WRITE | PROT_EXEC);
            RemoteMemory.write(tracee.pid(), base, CODE);
        } catch (RemoteSyscallException e) {
            if (e.errno() != Errno.EACCES) {
                throw e;
            }
            // PR_SET_MDWE(2const): no mapping can be written and executed; a tracer can write all
            base = map(tracee, address, size, PROT_READ | PROT_EXEC);
            RemoteMemory.write(tracee.pid(), base, CODE);
            tracee.requireAlone(
                    FaultPoint.DUMP_MAP,
                    Syscall.MPROTECT,
                    base + CODE_SIZE,
                    size - CODE_SIZE,
                    PROT_READ | PROT_WRITE);
        }
        return new Scratch(tracee.pid(), base, size);
    }

    private static long map(Tracee tracee, long address, int size, int prot) {
        return tracee.requireAlone(
                FaultPoint.DUMP_MAP,
                Syscall.MMAP,
                address,
                size,
                prot,
                MAP_PRIVATE | MAP_ANONYMOUS | (address != 0 ? MAP_FIXED_NOREPLACE : 0),
                -1,
                0);
    }

    /** The same area as a forked child sees it. */
    public Scratch inChild(int childPid) {
        return new Scratch(childPid, base, size);
    }

    public int pid() {
        return pid;
    }

    public long code() {
        return base;
    }

    /** A {@code syscall} instruction of the batch code, for single remote calls. */
    public long syscallAddress() {
        byte[] wanted = Assembler.syscallInstruction(Native.ARCH);
        for (int i = 0; i + wanted.length <= CODE.length; i++) {
            if (java.util.Arrays.equals(CODE, i, i + wanted.length, wanted, 0, wanted.length)) {
                return base + i;
            }
        }
        throw new IllegalStateException("batch code without a syscall instruction");
    }

    public long base() {
        return base;
    }

    public int size() {
        return size;
    }

    public long end() {
        return base + size;
    }

    /** A fresh batch that uses the whole area. */
    public RemoteBatch batch() {
        return new RemoteBatch(this, base + CODE_SIZE, size - CODE_SIZE);
    }

    /** A fresh batch in {@code length} bytes of the area, {@code offset} behind its code. */
    public RemoteBatch part(int offset, int length) {
        if (offset < 0 || offset + length > size - CODE_SIZE) {
            throw new IndexOutOfBoundsException(offset + "+" + length + " of a scratch area");
        }
        return new RemoteBatch(this, base + CODE_SIZE + offset, length);
    }

    /** Unmaps the area by a call of a thread of the process. */
    public void unmap(Tracee tracee) {
        tracee.requireAlone(FaultPoint.DUMP_UNMAP, Syscall.MUNMAP, base, size);
    }
}
