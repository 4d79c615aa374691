package jcriu.memory;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import com.kenai.jffi.MemoryIO;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.store.PageXfer;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;

/**
 * A shared object mapped into our own memory, ahead of a freeze, so that its pages are digested
 * where they stand inside it: no call, no copy.
 *
 * <p>Only what nobody can cut off is mapped, as a page behind the end would be SIGBUS: shared
 * anonymous memory, SysV segments, and memfds that are sealed against it.
 */
public final class ObjectView implements AutoCloseable {
    private static final MemoryIO MEMORY = MemoryIO.getInstance();
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final long PIECE = 64 << 20;

    private final long inode;
    private final long mapped;
    private final long bytes;

    private ObjectView(long inode, long mapped, long bytes) {
        this.inode = inode;
        this.mapped = mapped;
        this.bytes = bytes;
    }

    /**
     * Maps an object.
     *
     * @param used pages that it holds: these are touched, others would come to be by that
     * @return nothing if it could be cut off, or there is no room
     */
    public static Optional<ObjectView> of(Fd object, Runs used, Workers workers) {
        FileStat stat = FileStat.of(object.procPath());
        if (stat.size() < PAGE || canShrink(object)) {
            return Optional.empty();
        }
        long bytes = stat.size() & -PAGE;
        long at = Native.call(Syscall.MMAP, 0, bytes, PROT_READ, MAP_SHARED, object.number(), 0);
        if (Native.failed(at)) {
            return Optional.empty();
        }
        ObjectView view = new ObjectView(stat.ino(), at, bytes);
        List<Runnable> jobs = new ArrayList<>();
        for (Runs piece : PagesOut.pieces(used, PIECE)) {
            jobs.add(() -> view.touch(piece));
        }
        if (!jobs.isEmpty()) {
            workers.run(jobs);
        }
        return Optional.of(view);
    }

    /** Only a memfd tells by its seals; the other two kinds have no descriptor to do it with. */
    private static boolean canShrink(Fd object) {
        String name = ProcFs.readlink(object.procPath());
        return !name.startsWith("/dev/zero") && !name.startsWith("/SYSV") && !isSealed(object);
    }

    private static boolean isSealed(Fd object) {
        long seals = Native.call(Syscall.FCNTL, object.number(), F_GET_SEALS, 0);
        return !Native.failed(seals) && (seals & F_SEAL_SHRINK) != 0;
    }

    private void touch(Runs pages) {
        for (int i = 0; i < pages.size(); i++) {
            for (long at = pages.start(i); at < Math.min(bytes, pages.end(i)); at += PAGE) {
                MEMORY.getByte(mapped + at);
            }
        }
    }

    /**
     * The source of the object's pages inside the freeze.
     *
     * @param now the object, open
     * @return {@link PagesOut#ofObject} if {@code now} is another object
     */
    public PageXfer.Source reading(Fd now) {
        PageXfer.Source source = PagesOut.ofObject(now);
        if (FileStat.of(now.procPath()).ino() != inode) {
            return source;
        }
        return new PageXfer.Source() {
            @Override
            public void read(long start, long to, long length) {
                source.read(start, to, length);
            }

            @Override
            public long address(long start, long length) {
                return start + length <= bytes ? mapped + start : 0;
            }
        };
    }

    @Override
    public void close() {
        Native.call(Syscall.MUNMAP, mapped, bytes);
    }
}
