package jcriu.memory;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import java.util.ArrayList;
import java.util.List;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteMemory;

/**
 * A {@code pages-N.img} being written: the pages of all runs back to back.
 *
 * <p>What is to come is guessed before the freeze and room is made for it ({@link #prepare}): the
 * file's pages are allocated and mapped, so that inside the freeze the kernel only copies, once,
 * from the task straight into the page cache. A wrong guess costs time, nothing else: what does not
 * fit goes through a buffer, and what was too much is cut off ({@link #finish}).
 */
public final class PagesOut implements AutoCloseable {
    private static final long TMPFS_MAGIC = 0x01021994;
    private static final int CHUNK = 1 << 20;
    private static final long WORTH_PREPARING = 4 << 20;

    private final Fd file;
    private final int pagesId;
    private long mapped;
    private long mappedBytes;
    private long written;

    /** Creates or empties the file; it is readable by its owner only. */
    public PagesOut(String path, int pagesId) {
        this.file = Fd.open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
        this.pagesId = pagesId;
    }

    public int pagesId() {
        return pagesId;
    }

    /** Bytes written so far. */
    public long written() {
        return written;
    }

    /**
     * Makes room for about {@code bytes}. Called before the freeze.
     *
     * @throws jcriu.errors.SyscallException ENOSPC if the disk has no room for that much
     */
    public void prepare(long bytes, Workers workers) {
        if (bytes < WORTH_PREPARING) {
            return;
        }
        reserve(bytes);
        long at =
                Native.call(
                        Syscall.MMAP,
                        0,
                        bytes,
                        PROT_READ | PROT_WRITE,
                        MAP_SHARED,
                        file.number(),
                        0);
        if (Native.failed(at)) {
            return;
        }
        mapped = at;
        mappedBytes = bytes;
        List<Runnable> jobs = new ArrayList<>();
        long step = 64 << 20;
        for (long from = 0; from < bytes; from += step) {
            long start = at + from;
            long length = Math.min(step, bytes - from);
            jobs.add(() -> populate(start, length));
        }
        workers.run(jobs);
    }

    /**
     * On tmpfs fallocate(2) fills the pages too, on one core; there the free space is asked for,
     * and the pages are filled on all cores.
     */
    private void reserve(long bytes) {
        String what = "reserve " + bytes + " bytes for " + file.name();
        try (NativeMemory statfs = NativeMemory.allocate(256)) {
            Native.check(
                    Native.call(Syscall.FSTATFS, file.number(), statfs.address()),
                    "statfs " + file.name());
            if (statfs.getLong(0) == TMPFS_MAGIC) {
                long blocks = statfs.getLong(16);
                long free = statfs.getLong(32);
                if (blocks != 0 && free * statfs.getLong(8) < bytes) {
                    throw noRoom(what);
                }
                Native.check(Native.call(Syscall.FTRUNCATE, file.number(), bytes), what);
                return;
            }
        }
        long r = Native.call(Syscall.FALLOCATE, file.number(), 0, 0, bytes);
        if (r == -Errno.ENOSPC.number()) {
            throw noRoom(what);
        }
        if (r == -Errno.EOPNOTSUPP.number()) {
            r = Native.call(Syscall.FTRUNCATE, file.number(), bytes);
        }
        Native.check(r, what);
    }

    /** Allocates the pages now: a fault without room, later, would look like a bad address. */
    private void populate(long start, long length) {
        long r = Native.call(Syscall.MADVISE, start, length, MADV_POPULATE_WRITE);
        if (r == -Errno.EFAULT.number()) {
            throw noRoom("fill " + length + " bytes of " + file.name());
        }
    }

    private static JcriuException noRoom(String what) {
        return new SyscallException(what, Errno.ENOSPC)
                .withHint("make room on that file system, or choose another --images-dir");
    }

    /** Appends the pages of the runs, on all cores. */
    public void copyFrom(int pid, Runs runs, Workers workers) {
        List<Runnable> jobs = new ArrayList<>();
        long offset = written;
        long pieceBytes = 32 << 20;
        List<long[]> piece = new ArrayList<>();
        long inPiece = 0;
        for (int i = 0; i < runs.size(); i++) {
            long from = runs.start(i);
            while (from < runs.end(i)) {
                long length = Math.min(runs.end(i) - from, pieceBytes - inPiece);
                piece.add(new long[] {from, offset, length});
                from += length;
                offset += length;
                inPiece += length;
                if (inPiece == pieceBytes) {
                    List<long[]> full = piece;
                    jobs.add(() -> copyPiece(pid, full));
                    piece = new ArrayList<>();
                    inPiece = 0;
                }
            }
        }
        if (!piece.isEmpty()) {
            List<long[]> last = piece;
            jobs.add(() -> copyPiece(pid, last));
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
        written = offset;
    }

    /** Copies {from, offset, length} each; small neighbours in one write. */
    private void copyPiece(int pid, List<long[]> segments) {
        NativeMemory buffer = null;
        long pendingOffset = 0;
        int pending = 0;
        try {
            for (long[] segment : segments) {
                long from = segment[0];
                long offset = segment[1];
                long length = segment[2];
                if (offset + length <= mappedBytes) {
                    RemoteMemory.read(pid, from, mapped + offset, length);
                    continue;
                }
                if (buffer == null) {
                    buffer = NativeMemory.allocate(CHUNK);
                }
                while (length > 0) {
                    if (pending == CHUNK) {
                        file.writeFully(buffer.address(), pending, pendingOffset);
                        pending = 0;
                    }
                    if (pending == 0) {
                        pendingOffset = offset;
                    }
                    long n = Math.min(length, CHUNK - pending);
                    RemoteMemory.read(pid, from, buffer.address() + pending, n);
                    pending += (int) n;
                    from += n;
                    offset += n;
                    length -= n;
                }
            }
            if (pending > 0) {
                file.writeFully(buffer.address(), pending, pendingOffset);
            }
        } finally {
            if (buffer != null) {
                buffer.close();
            }
        }
    }

    /** Appends what a file of ours holds in the runs: byte offsets in it. */
    public void copyFromFile(Fd source, Runs runs, Workers workers) {
        List<Runnable> jobs = new ArrayList<>();
        long offset = written;
        long step = 32 << 20;
        for (int i = 0; i < runs.size(); i++) {
            for (long from = runs.start(i); from < runs.end(i); from += step) {
                long start = from;
                long length = Math.min(step, runs.end(i) - from);
                long to = offset;
                jobs.add(() -> copyRange(source, start, to, length));
                offset += length;
            }
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
        written = offset;
    }

    private void copyRange(Fd source, long from, long offset, long length) {
        if (offset + length <= mappedBytes) {
            zeroFrom(mapped + offset, source.readFully(mapped + offset, length, from), length);
            return;
        }
        try (NativeMemory buffer = NativeMemory.allocate(CHUNK)) {
            while (length > 0) {
                long n = Math.min(CHUNK, length);
                zeroFrom(buffer.address(), source.readFully(buffer.address(), n, from), n);
                file.writeFully(buffer.address(), n, offset);
                from += n;
                offset += n;
                length -= n;
            }
        }
    }

    /** The tail of an object's last page lies behind its end: zero. */
    private static void zeroFrom(long address, long got, long length) {
        if (got < length) {
            com.kenai.jffi.MemoryIO.getInstance().setMemory(address + got, length - got, (byte) 0);
        }
    }

    /** Cuts off what was reserved and not needed. */
    public void finish() {
        Native.check(
                Native.call(Syscall.FTRUNCATE, file.number(), written), "truncate " + file.name());
        if (written == 0) {
            try (NativeMemory path = NativeMemory.cString(file.name())) {
                Native.call(Syscall.UNLINKAT, AT_FDCWD, path.address(), 0);
            }
        }
    }

    @Override
    public void close() {
        if (mappedBytes > 0) {
            Native.call(Syscall.MUNMAP, mapped, mappedBytes);
            mappedBytes = 0;
        }
        file.close();
    }
}
