package jcriu.resource;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import jcriu.errors.ImageFormatException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.fown_entry;
import jcriu.image.proto.memfd_file_entry;
import jcriu.image.proto.memfd_inode_entry;
import jcriu.kernel.Syscall;
import jcriu.memory.ContentCheck;
import jcriu.memory.ObjectPages;
import jcriu.memory.ObjectView;
import jcriu.memory.PageStates;
import jcriu.memory.PagesIn;
import jcriu.memory.PagesOut;
import jcriu.memory.Workers;
import jcriu.memory.Zeros;
import jcriu.proc.MapsVma;
import jcriu.proc.ShmSegment;
import jcriu.store.ChainRead;
import jcriu.store.PageRead;
import jcriu.store.PageTarget;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.Tracee;

/**
 * Memory objects that tasks share: {@code mmap(MAP_SHARED|MAP_ANONYMOUS)}, memfd_create(2) and
 * shmget(2). Each is dumped once, however many tasks map it. The first two have the image shape of
 * a memfd, and an anonymous one is named {@value #ANONYMOUS}; the third is {@link SysvShm}.
 */
public final class SharedObjects implements AutoCloseable {
    /** What the kernel calls a shared anonymous mapping in {@code /proc/PID/maps}. */
    public static final String ANONYMOUS = "/dev/zero";

    /** The same on huge TLB pages; private ones are called so, too. */
    public static final String ANONYMOUS_HUGE = "/anon_hugepage";

    private static final long HUGETLBFS_MAGIC = 0x958458f6L;

    private static final int PAGE = 4096;

    /** What F_SETFL can set, fcntl(2). */
    private static final int SETTABLE = O_APPEND | O_ASYNC | O_DIRECT | O_NOATIME | O_NONBLOCK;

    /** One object of a dump. */
    private static final class Dumped {
        int inodeId;
        String name;
        String path;
        FileStat stat;
        int seals;

        /** Null if the object is no SysV segment. */
        ShmSegment segment;

        /** Bytes of a page: 4096, or those of a huge one. */
        long pageSize;

        PageXfer pages;
    }

    private final Map<Long, Dumped> byId = new LinkedHashMap<>();

    /** Pages that there were before the freeze, and those of them that were zeros. */
    private final Map<Long, ObjectPages> pagesAhead = new HashMap<>();

    private final Map<Long, Runs> zerosAhead = new HashMap<>();

    /** Objects that are to be compared. */
    private final Map<Long, ObjectView> views = new HashMap<>();

    private long pagesScanned;
    private long pagesWritten;
    private long pagesInParent;

    /**
     * Notes an object.
     *
     * @param path opens the object itself: {@code /proc/PID/fd/N} or {@code
     *     /proc/PID/map_files/START-END}
     * @return its inode id in the images
     */
    int add(String name, String path, FileStat stat) {
        Dumped object = byId.get(idOf(stat.ino()));
        if (object == null) {
            object = new Dumped();
            object.inodeId = byId.size() + 1;
            object.name = name;
            object.path = path;
            object.stat = stat;
            try (Fd fd = Fd.open(path, O_RDONLY)) {
                long seals = Native.call(Syscall.FCNTL, fd.number(), F_GET_SEALS);
                object.seals = Native.failed(seals) ? F_SEAL_SEAL : (int) seals;
                object.pageSize = pageSize(fd);
            }
            byId.put(idOf(stat.ino()), object);
        }
        return object.inodeId;
    }

    /** Notes the SysV segment that a mapping is of. */
    void addSegment(MapsVma vma, ShmSegment segment, String path) {
        Dumped object = new Dumped();
        object.segment = segment;
        object.path = path;
        object.pageSize = Math.max(PAGE, vma.kernelPageSizeBytes());
        byId.putIfAbsent(idOf(vma), object);
    }

    /** The id of the object that a mapping is of. */
    public static long idOf(MapsVma vma) {
        return SysvShm.is(vma) ? vma.inode() : idOf(vma.inode());
    }

    /**
     * In the images objects go by 32 bits of their inode numbers, and segments by their ids, which
     * begin at 0. The highest bit, which no segment's id has, keeps them apart.
     */
    public static long idOf(long inode) {
        return inode & 0xffffffffL | 1L << 31;
    }

    /** Whether an id is of that kind, and not a segment's. */
    public static boolean isByInode(long id) {
        return (id & 1L << 31) != 0;
    }

    static boolean isAnonymous(String name) {
        return name.equals(ANONYMOUS) || name.equals(ANONYMOUS_HUGE);
    }

    private static long pageSize(Fd fd) {
        try (NativeMemory statfs = NativeMemory.allocate(256)) {
            Native.check(
                    Native.call(Syscall.FSTATFS, fd.number(), statfs.address()),
                    "statfs " + fd.name());
            return statfs.getLong(0) == HUGETLBFS_MAGIC ? statfs.getLong(8) : PAGE;
        }
    }

    static file_entry dumpFile(int id, int inodeId, int flags, long pos, fown_entry fown) {
        return file_entry
                .newBuilder()
                .setType(fd_types.MEMFD)
                .setId(id)
                .setMemfd(
                        memfd_file_entry
                                .newBuilder()
                                .setId(id)
                                .setFlags(flags)
                                .setPos(pos)
                                .setFown(fown)
                                .setInodeId(inodeId))
                .build();
    }

    /** Bytes that an object holds now: to make room before the freeze. */
    public static long bytesOf(FileStat object) {
        return object.blocks() * 512;
    }

    /** Says where the pages of an object go, by its id; prepared for it, or made afresh. */
    public interface Xfers {
        PageXfer of(long id);
    }

    /** The pages of an object in the parent images, by its id, if there are any. */
    public interface Parents {
        Optional<? extends PageRead> of(long id);
    }

    /**
     * Looks at an object ahead of a dump for what will not be stored. Of pages of zeros, {@link
     * #copy} looks again only at those that are found here. Pages that a parent has are all
     * compared again; it goes faster the second time.
     *
     * @param path opens the object itself
     * @return bytes that need no room
     */
    public long lookAhead(
            long id, String path, Optional<? extends PageRead> parent, Workers workers) {
        try (Fd fd = Fd.open(path, O_RDONLY)) {
            if (pageSize(fd) != PAGE) {
                return parent.isEmpty() ? 0 : bytesOf(FileStat.of(fd.procPath()));
            }
            ObjectPages pages = ObjectPages.of(fd);
            pagesAhead.put(id, pages);
            Runs used = pages.used();
            Runs zeros = Zeros.in(PagesOut.ofObject(fd), used, workers);
            zerosAhead.put(id, zeros);
            if (parent.isEmpty()) {
                return zeros.bytes();
            }
            ObjectView.of(fd, used, workers).ifPresent(view -> views.put(id, view));
            Runs unchanged = ContentCheck.unchanged(source(id, fd), used, parent.get(), workers);
            return zeros.or(unchanged).bytes();
        }
    }

    /**
     * Copies the content of every object: what the object itself says it holds, pages of zeros
     * apart. Many can write to an object and leave no mark where we could look: only a page whose
     * content is the parent's is left to the parent.
     */
    public void copy(Xfers xfers, Parents parents, Workers workers) {
        for (Map.Entry<Long, Dumped> entry : byId.entrySet()) {
            Dumped object = entry.getValue();
            long id = entry.getKey();
            try (Fd fd = Fd.open(object.path, O_RDONLY)) {
                object.stat = FileStat.of(object.path);
                object.pages = xfers.of(id);
                PageStates states =
                        object.pageSize == PAGE && pagesAhead.containsKey(id)
                                ? states(pagesAhead.get(id).now(fd))
                                : states(fd, object.pageSize);
                Runs perhaps = zerosAhead.getOrDefault(id, new Runs());
                count(copy(source(id, fd), states, perhaps, object.pages, parents.of(id), workers));
            }
        }
    }

    private PageXfer.Source source(long id, Fd fd) {
        return views.containsKey(id) ? views.get(id).reading(fd) : PagesOut.ofObject(fd);
    }

    /**
     * Copies the content of an object ahead of a dump, while it is in use.
     *
     * @param path opens the object itself
     */
    public void copyAhead(
            String path, PageXfer into, Optional<? extends PageRead> parent, Workers workers) {
        try (Fd fd = Fd.open(path, O_RDONLY)) {
            long pageSize = pageSize(fd);
            PageStates states = states(fd, pageSize);
            Runs perhaps = pageSize == PAGE ? states.used() : new Runs();
            count(copy(PagesOut.ofObject(fd), states, perhaps, into, parent, workers));
        }
    }

    /** What the object itself says. */
    private static PageStates states(Fd fd, long pageSize) {
        if (pageSize == PAGE) {
            return states(ObjectPages.of(fd));
        }
        FileStat stat = FileStat.of(fd.procPath());
        return states(stat.size(), hugeDataOf(fd, stat, pageSize));
    }

    private static PageStates states(ObjectPages pages) {
        return states(pages.size(), pages.used());
    }

    private static PageStates states(long size, Runs used) {
        PageStates states = new PageStates();
        states.merge(0, size + PAGE - 1 & -PAGE, PageStates.State.DONT_DUMP);
        states.merge(used, PageStates.State.DUMP);
        return states;
    }

    private void count(Copied copied) {
        pagesScanned += copied.scanned / PAGE;
        pagesWritten += copied.written / PAGE;
        pagesInParent += copied.inParent / PAGE;
    }

    /** Bytes of an object. */
    private record Copied(long scanned, long written, long inParent) {}

    /**
     * @param perhapsZero pages that need not be stored if they hold zeros
     */
    private static Copied copy(
            PageXfer.Source source,
            PageStates states,
            Runs perhapsZero,
            PageXfer into,
            Optional<? extends PageRead> parent,
            Workers workers) {
        Runs unchanged =
                parent.isPresent()
                        ? ContentCheck.unchanged(source, states.used(), parent.get(), workers)
                        : new Runs();
        Runs others = states.used().minus(unchanged);
        states.foundZero(Zeros.in(source, others.and(perhapsZero), workers));
        Runs data = states.used().minus(unchanged);
        PagesOut.plan(data, unchanged, into);
        PagesOut.copy(source, data, into, workers);
        return new Copied(states.bytes(), data.bytes(), unchanged.bytes());
    }

    /** The file system of huge pages cannot tell holes: what holds only zeros is left out. */
    private static Runs hugeDataOf(Fd fd, FileStat stat, long pageSize) {
        Runs runs = new Runs();
        if (stat.blocks() * 512 >= stat.size()) {
            runs.add(0, stat.size());
            return runs;
        }
        int step = 1 << 20;
        try (NativeMemory zeros = NativeMemory.allocate(step);
                NativeMemory buffer = NativeMemory.allocate(step)) {
            for (long page = 0; page < stat.size(); page += pageSize) {
                boolean empty = true;
                for (long at = 0; empty && at < pageSize; at += step) {
                    fd.readFully(buffer.address(), step, page + at);
                    empty = buffer.buffer(0, step).equals(zeros.buffer(0, step));
                }
                if (!empty) {
                    runs.add(page, page + pageSize);
                }
            }
        }
        return runs;
    }

    /** Looks at nothing any more. */
    @Override
    public void close() {
        views.values().forEach(ObjectView::close);
        views.clear();
    }

    public long pagesScanned() {
        return pagesScanned;
    }

    public long pagesWritten() {
        return pagesWritten;
    }

    public long pagesInParent() {
        return pagesInParent;
    }

    /**
     * Writes the images of the objects.
     *
     * @param ipcNamespace names that of the SysV segments
     * @param ids in the images, of objects by those that their inode numbers give
     */
    public void write(ImageDir images, int ipcNamespace, LongUnaryOperator ids) {
        List<Dumped> segments = new ArrayList<>();
        List<Dumped> memfds = new ArrayList<>();
        for (Dumped object : byId.values()) {
            (object.segment != null ? segments : memfds).add(object);
        }
        if (!memfds.isEmpty()) {
            try (ImageWriter out = images.writer(ImageType.MEMFD_INODE)) {
                memfds.forEach(object -> out.write(inode(object, ids)));
            }
        }
        if (!segments.isEmpty()) {
            try (ImageWriter out = images.writer(ImageType.IPCNS_SHM, ipcNamespace)) {
                for (Dumped object : segments) {
                    out.write(SysvShm.dump(object.segment, object.pageSize));
                }
            }
        }
    }

    private static memfd_inode_entry inode(Dumped object, LongUnaryOperator ids) {
        memfd_inode_entry.Builder inode =
                memfd_inode_entry
                        .newBuilder()
                        .setName(object.name)
                        .setUid(object.stat.uid())
                        .setGid(object.stat.gid())
                        .setSize(object.stat.size())
                        .setShmid((int) ids.applyAsLong(idOf(object.stat.ino())))
                        .setSeals(object.seals)
                        .setInodeId(object.inodeId)
                        .setMode(object.stat.mode());
        if (object.pageSize != PAGE) {
            inode.setHugetlbFlag(
                    MFD_HUGETLB | Long.numberOfTrailingZeros(object.pageSize) << MAP_HUGE_SHIFT);
        }
        return inode.build();
    }

    /** Objects of a restore: made again in our own process, filled, and mapped from there. */
    static final class Restored implements AutoCloseable {
        private final ImageDir images;
        private final Workers workers;
        private final Map<Integer, memfd_inode_entry> inodes = new HashMap<>();
        private final Map<Integer, Fd> objects = new HashMap<>();
        private final Set<Integer> originals = new HashSet<>();
        private final SysvShm.Restored segments;
        private long pagesRestored;

        Restored(ImageDir images, Workers workers) {
            this.images = images;
            this.workers = workers;
            try (ImageReader in = images.reader(ImageType.MEMFD_INODE)) {
                for (memfd_inode_entry inode : in.readAll(memfd_inode_entry.parser())) {
                    inodes.put((int) inode.getInodeId(), inode);
                }
            }
            segments = SysvShm.Restored.read(images);
        }

        SysvShm.Restored segments() {
            return segments;
        }

        /** Makes the SysV segments; {@code tree} are the pids of all tasks. */
        void makeSegments(Tracee seed, Set<Integer> tree) {
            segments.make(seed, tree, this::fill);
        }

        boolean isAnonymous(memfd_file_entry file) {
            return SharedObjects.isAnonymous(inode(file).getName());
        }

        long pagesRestored() {
            return pagesRestored;
        }

        private memfd_inode_entry inode(memfd_file_entry file) {
            memfd_inode_entry inode = inodes.get(file.getInodeId());
            if (inode == null) {
                throw new ImageFormatException(
                        "memfd.img",
                        -1,
                        "has no inode "
                                + file.getInodeId()
                                + ", which file "
                                + file.getId()
                                + " needs");
            }
            return inode;
        }

        /** What memfd_create(2) called it. */
        String name(memfd_file_entry file) {
            return inode(file).getName();
        }

        /** A descriptor of the object, filled; opening its procPath makes another description. */
        Fd object(memfd_file_entry file) {
            memfd_inode_entry inode = inode(file);
            Fd fd = objects.get(file.getInodeId());
            if (fd == null) {
                fd = isAnonymous(file) ? anonymous(inode) : memfd(inode);
            }
            return fd;
        }

        /**
         * The description of a descriptor, at its position: a fresh one, or that which
         * memfd_create(2) gives. To the kernel the latter is no writer, so such a memfd can be
         * executed; and one that is executed cannot be opened for writing again (ETXTBSY).
         */
        Fd open(memfd_file_entry file) {
            Fd object = object(file);
            Fd fd =
                    canBeOriginal(file) && originals.add(file.getInodeId())
                            ? original(object, file.getFlags())
                            : Fd.open(object.procPath(), file.getFlags() & ~O_ASYNC);
            if (file.getPos() != 0) {
                Native.check(
                        Native.call(Syscall.LSEEK, fd.number(), file.getPos(), SEEK_SET),
                        "seek in a memfd");
            }
            return fd;
        }

        private boolean canBeOriginal(memfd_file_entry file) {
            int made = O_RDWR | O_LARGEFILE | O_CLOEXEC;
            return !isAnonymous(file)
                    && (file.getFlags() & O_ACCMODE) == O_RDWR
                    && (file.getFlags() & ~(made | SETTABLE)) == 0;
        }

        private static Fd original(Fd object, int flags) {
            Fd fd =
                    new Fd(
                            Native.check(
                                    Native.call(Syscall.FCNTL, object.number(), F_DUPFD_CLOEXEC, 0),
                                    "duplicate " + object.name()),
                            object.name());
            Native.check(
                    Native.call(Syscall.FCNTL, fd.number(), F_SETFL, flags & SETTABLE & ~O_ASYNC),
                    "set the flags of " + fd.name());
            return fd;
        }

        private Fd anonymous(memfd_inode_entry inode) {
            int huge = hugeFlags(inode);
            long size = inode.getSize() + PAGE - 1 & -PAGE;
            long at =
                    Native.check(
                            Native.call(
                                    Syscall.MMAP,
                                    0,
                                    size,
                                    PROT_READ | PROT_WRITE,
                                    MAP_SHARED
                                            | MAP_ANONYMOUS
                                            | (huge != 0 ? MAP_HUGETLB | huge : 0),
                                    -1,
                                    0),
                            "map a shared object of " + size + " bytes");
            Fd fd;
            try {
                fd =
                        Fd.open(
                                "/proc/self/map_files/"
                                        + Long.toHexString(at)
                                        + "-"
                                        + Long.toHexString(at + size),
                                O_RDWR);
            } finally {
                Native.call(Syscall.MUNMAP, at, size);
            }
            objects.put((int) inode.getInodeId(), fd);
            fill(inode.getShmid() & 0xffffffffL, size, huge != 0, fd);
            return fd;
        }

        private Fd memfd(memfd_inode_entry inode) {
            boolean noSeals = inode.getSeals() == F_SEAL_SEAL;
            Fd fd;
            try (NativeMemory name = NativeMemory.cString(inode.getName())) {
                fd =
                        new Fd(
                                Native.check(
                                        Native.call(
                                                Syscall.MEMFD_CREATE,
                                                name.address(),
                                                MFD_CLOEXEC
                                                        | (noSeals ? 0 : MFD_ALLOW_SEALING)
                                                        | inode.getHugetlbFlag()),
                                        "memfd_create " + inode.getName()),
                                "memfd " + inode.getName());
            }
            objects.put((int) inode.getInodeId(), fd);
            Native.check(
                    Native.call(Syscall.FTRUNCATE, fd.number(), inode.getSize()),
                    "size memfd " + inode.getName());
            fill(inode.getShmid() & 0xffffffffL, inode.getSize(), inode.getHugetlbFlag() != 0, fd);
            if (inode.hasMode()) {
                Native.call(Syscall.FCHMOD, fd.number(), inode.getMode() & 07777);
            }
            Native.call(Syscall.FCHOWN, fd.number(), inode.getUid(), inode.getGid());
            if (!noSeals && (inode.getSeals() & F_SEAL_FUTURE_WRITE) == 0) {
                addSeals(inode, fd);
            }
            return fd;
        }

        private static void addSeals(memfd_inode_entry inode, Fd fd) {
            if (inode.getSeals() != 0) {
                Native.check(
                        Native.call(Syscall.FCNTL, fd.number(), F_ADD_SEALS, inode.getSeals()),
                        "seal memfd " + inode.getName());
            }
        }

        /**
         * Adds the seals that forbid mappings to come, but not those that tasks have: when all are
         * made.
         */
        void seal() {
            for (Map.Entry<Integer, Fd> object : objects.entrySet()) {
                memfd_inode_entry inode = inodes.get(object.getKey());
                if ((inode.getSeals() & F_SEAL_FUTURE_WRITE) != 0) {
                    addSeals(inode, object.getValue());
                }
            }
        }

        private static int hugeFlags(memfd_inode_entry inode) {
            return inode.getHugetlbFlag() & ~MFD_HUGETLB;
        }

        private void fill(long id, long size, boolean huge, Fd object) {
            try (ChainRead pages = ChainRead.open(images, PageTarget.object(id)).orElse(null)) {
                if (pages == null) {
                    return;
                }
                pagesRestored +=
                        huge
                                ? fillMapped(pages, object, size)
                                : PagesIn.copyToObject(pages, pages.runs(), object, size, workers);
            }
        }

        /** Files on huge pages cannot be written, only mapped. */
        private long fillMapped(PageRead pages, Fd object, long size) {
            long at =
                    Native.check(
                            Native.call(
                                    Syscall.MMAP,
                                    0,
                                    size,
                                    PROT_READ | PROT_WRITE,
                                    MAP_SHARED,
                                    object.number(),
                                    0),
                            "map " + object.name());
            try {
                return PagesIn.copyToMapping(pages, pages.runs(), at, workers);
            } finally {
                Native.call(Syscall.MUNMAP, at, size);
            }
        }

        @Override
        public void close() {
            for (Fd fd : objects.values()) {
                fd.close();
            }
            objects.clear();
        }
    }
}
