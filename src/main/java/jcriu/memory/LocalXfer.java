package jcriu.memory;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.image.FileRecord;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.PagemapFlags;
import jcriu.kernel.Syscall;
import jcriu.progress.Progress;
import jcriu.store.PageDigests;
import jcriu.store.PageTarget;
import jcriu.store.PageXfer;
import jcriu.store.Pagemap;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * A {@code pages-N.img} being written, and its pagemap: the pages of all data runs back to back.
 *
 * <p>What is to come is guessed before the freeze and room is made for it ({@link #expect}): the
 * file's pages are allocated and mapped, so that inside the freeze the kernel only copies, once,
 * from the task straight into the page cache. A wrong guess costs time, nothing else: what does not
 * fit goes through a buffer, and what was too much is cut off ({@link #finish}).
 */
public final class LocalXfer implements PageXfer {
    /** Whether pages are digested, and when. */
    public enum Digesting {
        NO,

        /** When they are copied, while they are in the processor's cache. */
        AT_ONCE,

        /** In {@link PageXfer#finish}: later, but not while a tree is stopped. */
        AT_THE_END
    }

    private static final int CHUNK = 256 << 10;
    private static final MemoryIO MEMORY = MemoryIO.getInstance();
    private static final long WORTH_PREPARING = 4 << 20;

    /** What one core is given to digest at the end. */
    private static final long PIECE = 8 << 20;

    /** Pages that are touched in one call: IOV_MAX. */
    private static final int TOUCHED = 1024;

    private final ImageDir images;
    private final PageTarget target;
    private final int pagesId;
    private final Workers workers;
    private final Digesting digesting;
    private final Path path;
    private final OutputFile out;
    private final List<PagemapRun> runs = new ArrayList<>();
    private long dataBytes;
    private long parentBytes;
    private long mapped;
    private long mappedBytes;
    private boolean reserved;
    private boolean finished;
    private PageDigests digests;
    private boolean closed;

    /** Creates {@code pages-N.img}; it is readable by its owner only. */
    public LocalXfer(
            ImageDir images, PageTarget target, int pagesId, Workers workers, Digesting digesting) {
        this(images, target, pagesId, workers, digesting, CreatedFile::new);
    }

    /**
     * The same.
     *
     * @param create makes a new file of that name
     */
    public LocalXfer(
            ImageDir images,
            PageTarget target,
            int pagesId,
            Workers workers,
            Digesting digesting,
            Function<Path, OutputFile> create) {
        this.images = images;
        this.target = target;
        this.pagesId = pagesId;
        this.workers = workers;
        this.digesting = digesting;
        this.path = images.path(ImageType.PAGES, pagesId);
        this.out = create.apply(path);
        images.wrote(path);
    }

    /**
     * Makes room for about {@code bytes}.
     *
     * @throws jcriu.errors.SyscallException ENOSPC if the disk has no room for that much
     */
    @Override
    public void expect(long bytes) {
        if (bytes < WORTH_PREPARING) {
            return;
        }
        reserved = true;
        try (OutputFile.Handle file = out.open()) {
            file.reserve(bytes);
            mapped = file.map(bytes);
        }
        if (mapped == 0) {
            return;
        }
        mappedBytes = bytes;
        List<Runnable> jobs = new ArrayList<>();
        long step = 64 << 20;
        for (long from = 0; from < bytes; from += step) {
            long start = mapped + from;
            long length = Math.min(step, bytes - from);
            jobs.add(() -> populate(start, length));
        }
        workers.run(jobs);
    }

    /** Allocates the pages now: a fault without room, later, would look like a bad address. */
    private void populate(long start, long length) {
        long r = Native.call(Syscall.MADVISE, start, length, MADV_POPULATE_WRITE);
        if (r == -Errno.EFAULT.number()) {
            throw noRoom(length);
        }
        touch(start, length);
    }

    /**
     * Lets the kernel write the first byte of each page, as it will inside the freeze. Under a
     * hypervisor that shadows page tables (PVM), the first time costs 8 us a page, and the first
     * time of the kernel is another one than ours.
     */
    private void touch(long start, long length) {
        try (Fd zeros = Fd.open("/dev/zero", O_RDONLY);
                NativeMemory iovecs = NativeMemory.allocate(16 * TOUCHED)) {
            for (long at = 0; at < length; ) {
                int n = 0;
                for (; n < TOUCHED && at < length; n++, at += PagemapRun.PAGE_SIZE) {
                    if (digesting == Digesting.AT_ONCE) { // then we read the pages, too
                        MEMORY.putByte(start + at, (byte) 0);
                    }
                    iovecs.putLong(16L * n, start + at);
                    iovecs.putLong(16L * n + 8, 1);
                }
                long r = Native.call(Syscall.PREADV, zeros.number(), iovecs.address(), n, 0, 0);
                if (r == -Errno.EFAULT.number()) {
                    throw noRoom(length);
                }
            }
        }
    }

    private SyscallException noRoom(long length) {
        return new SyscallException("fill " + length + " bytes of " + path, Errno.ENOSPC);
    }

    @Override
    public void forget() {
        runs.clear();
        dataBytes = 0;
        parentBytes = 0;
        digests = null;
        reserved = true; // or what was written stays behind what comes
    }

    @Override
    public void data(long start, long end) {
        runs.add(
                new PagemapRun(
                        start,
                        (end - start) / PagemapRun.PAGE_SIZE,
                        PagemapFlags.PRESENT,
                        dataBytes));
        dataBytes += end - start;
    }

    @Override
    public void parent(long start, long end) {
        runs.add(
                new PagemapRun(
                        start, (end - start) / PagemapRun.PAGE_SIZE, PagemapFlags.PARENT, -1));
        parentBytes += end - start;
    }

    @Override
    public long dataBytes() {
        return dataBytes;
    }

    @Override
    public long parentBytes() {
        return parentBytes;
    }

    /** The run that holds an address. */
    private int find(long address) {
        int low = 0;
        int high = runs.size() - 1;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (runs.get(middle).end() <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private synchronized PageDigests digests() {
        if (digests == null) {
            digests = PageDigests.ofPages(dataBytes / PagemapRun.PAGE_SIZE);
        }
        return digests;
    }

    @Override
    public void fill(Runs pages, Source source) {
        if (pages.isEmpty()) {
            return;
        }
        try (OutputFile.Handle file = out.open();
                Batch batch = new Batch(file, source)) {
            int run = find(pages.start(0));
            for (int i = 0; i < pages.size(); i++) {
                long from = pages.start(i);
                while (from < pages.end(i)) {
                    while (runs.get(run).end() <= from || !runs.get(run).present()) {
                        run++;
                    }
                    PagemapRun at = runs.get(run);
                    if (at.vaddr() > from) {
                        throw new IllegalArgumentException(
                                "0x" + Long.toHexString(from) + " is in no data run");
                    }
                    long length = Math.min(pages.end(i), at.end()) - from;
                    batch.add(from, at.pagesOffset() + from - at.vaddr(), length);
                    from += length;
                }
            }
            batch.flush();
        }
    }

    /**
     * Pages that stand together in the file, on their way there: read in one call, digested while
     * they are in the processor's cache, and written, unless they were read into the mapped part.
     */
    private final class Batch implements AutoCloseable {
        private final OutputFile.Handle file;
        private final Source source;
        private NativeMemory buffer;
        private Runs pages = new Runs();
        private long offset;

        Batch(OutputFile.Handle file, Source source) {
            this.file = file;
            this.source = source;
        }

        void add(long from, long to, long length) {
            while (length > 0) {
                boolean inPlace = to < mappedBytes;
                long end = offset + pages.bytes();
                long room = inPlace && digesting == Digesting.NO ? mappedBytes : CHUNK;
                if (end != to || pages.bytes() == room || end == mappedBytes) {
                    flush();
                    offset = to;
                }
                long n = Math.min(length, room - pages.bytes());
                n = inPlace ? Math.min(n, mappedBytes - to) : n;
                pages.add(from, from + n);
                from += n;
                to += n;
                length -= n;
            }
        }

        void flush() {
            if (pages.isEmpty()) {
                return;
            }
            long bytes = pages.bytes();
            if (offset < mappedBytes) {
                readMapped(mapped + offset);
                if (digesting == Digesting.AT_ONCE) {
                    note(offset, mapped + offset, bytes);
                }
            } else {
                if (buffer == null) {
                    buffer = NativeMemory.allocate(CHUNK);
                }
                source.read(pages, buffer.address());
                if (digesting != Digesting.NO) {
                    note(offset, buffer.address(), bytes);
                }
                for (long done = 0; done < bytes; ) {
                    done += file.write(buffer.address() + done, bytes - done, offset + done);
                }
            }
            pages = new Runs();
        }

        private void readMapped(long to) {
            try {
                source.read(pages, to);
            } catch (SyscallException e) {
                if (e.errno() != Errno.EFAULT) {
                    throw e;
                }
                throw new JcriuException(
                                Kind.IO,
                                "cannot write "
                                        + path
                                        + ": its disk has failed, or somebody has truncated it",
                                e)
                        .withHint("choose another --images-dir");
            }
        }

        @Override
        public void close() {
            if (buffer != null) {
                buffer.close();
            }
        }
    }

    /** Digests pages that stand at {@code at} in our memory, and at an offset in the file. */
    private void note(long offset, long at, long bytes) {
        ByteBuffer content = MEMORY.newDirectByteBuffer(at, (int) bytes);
        digests().put(offset / PagemapRun.PAGE_SIZE, PageHash.of(content));
    }

    /**
     * Digests what was read into the mapped part. It is read from the file: a disk that has failed
     * meanwhile is an error then, and no end of our own.
     */
    private void digestMapped() {
        List<Runnable> jobs = new ArrayList<>();
        long bytes = Math.min(dataBytes, mappedBytes);
        for (long from = 0; from < bytes; from += PIECE) {
            long start = from;
            long end = Math.min(bytes, from + PIECE);
            jobs.add(() -> digest(start, end));
        }
        workers.run(jobs);
    }

    private void digest(long start, long end) {
        try (OutputFile.Handle file = out.open();
                NativeMemory chunk = NativeMemory.allocate(CHUNK)) {
            for (long at = start; at < end; ) {
                long length = Math.min(CHUNK, end - at);
                file.read(chunk.address(), length, at);
                note(at, chunk.address(), length);
                Progress.step(length);
                at += length;
            }
        }
    }

    /** Cuts off what was reserved and not needed, and writes the pagemap. */
    @Override
    public void finish() {
        if (digesting == Digesting.AT_THE_END) {
            digestMapped(); // before its size is set, which would hide what somebody has cut off
        }
        if (reserved) {
            try (OutputFile.Handle file = out.open()) {
                file.truncate(dataBytes);
            }
        }
        if (digesting != Digesting.NO && dataBytes > 0) {
            digests().write(images, pagesId);
        }
        if (dataBytes > 0) {
            images.record(
                    new FileRecord(
                            ImageType.PAGES.fileName(pagesId),
                            dataBytes,
                            Optional.empty(),
                            digesting != Digesting.NO));
        }
        new Pagemap(pagesId, runs).write(images, target.type(), target.id());
        finished = true;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        if (mappedBytes > 0) {
            Native.call(Syscall.MUNMAP, mapped, mappedBytes);
            mappedBytes = 0;
        }
        if (!finished || dataBytes == 0) {
            out.remove();
        }
    }
}
