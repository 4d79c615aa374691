package jcriu.memory;

import static jcriu.kernel.FileConstants.O_CLOEXEC;
import static jcriu.kernel.FileConstants.O_NONBLOCK;
import static jcriu.kernel.MmanConstants.*;
import static jcriu.kernel.UffdConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.RemoteSyscallException;
import jcriu.image.proto.jcriu_track;
import jcriu.image.proto.jcriu_track_task;
import jcriu.kernel.Syscall;
import jcriu.proc.MapsVma;
import jcriu.proc.Stat;
import jcriu.proc.VmFlag;
import jcriu.store.PageRead;
import jcriu.store.Runs;
import jcriu.sys.FaultPoint;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.FrozenTask;
import jcriu.tracee.Tracee;

/**
 * Has the kernel mark written pages, by a userfaultfd with asynchronous write protection (Linux
 * 6.7): the task makes one, we take it, register the task's private memory with it and protect what
 * is there. The first write to a page takes its protection away, without a stop or a message. One
 * PAGEMAP_SCAN tells which pages were written and protects them again. The task keeps nothing: its
 * own descriptor is closed at once, and ours is held by a {@link Keeper} until the next dump.
 *
 * <p>A page is believed to be unwritten only if
 *
 * <ol>
 *   <li>the parent images name a keeper, and that one lives and is in that round still: another
 *       dump that sets the marks anew makes an end of the round first;
 *   <li>the keeper has the task, of the same pid and start time;
 *   <li>the mapping was watched when the tree stopped (PAGEMAP_SCAN tells), and by our descriptor:
 *       to register it again is refused by the kernel (EBUSY) where it is another's. A mapping that
 *       is new, or was moved, is watched by nobody;
 *   <li>the page is there, and still protected.
 * </ol>
 *
 * A mapping that cannot be watched is compared by content. So is a task that uses asynchronous I/O:
 * a device may write into a page that it was given before the page was marked.
 *
 * <p>Source: Documentation/admin-guide/mm/userfaultfd.rst and pagemap.rst.
 */
public final class UffdTracker implements Tracker {
    public static final String NAME = "uffd-wp";

    private static final String AIO_RING = "/[aio]";

    private final DigestTracker byContent = new DigestTracker();
    private final Map<Integer, Task> tasks = new ConcurrentHashMap<>();
    private final List<String> fallbacks = new ArrayList<>();
    private final UUID round = UUID.randomUUID();

    /** What the earlier keeper holds, by pid. */
    private final Map<Integer, Keeper.Entry> kept = new HashMap<>();

    private UUID earlierRound;
    private Keeper earlier;
    private Keeper keeper;

    /** Why no mark counts, if none does. */
    private String doubt;

    private boolean marking;
    private boolean attached;
    private boolean marked;
    private boolean released;

    /** What is known of one task. */
    private static final class Task {
        final long startTime;
        Fd uffd;
        Fd pidfd;

        /** By the starts of mappings: true where marks count, false where these are the first. */
        final Map<Long, Boolean> marked = new HashMap<>();

        /** Mappings that cannot be watched. */
        final Runs closed = new Runs();

        /** Pages that were not written, in watched mappings. */
        final Runs unwritten = new Runs();

        /** Why nothing is known of it, or null. */
        String doubt;

        Task(long startTime) {
            this.startTime = startTime;
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean arms() {
        return true;
    }

    /** Whether this kernel has what it takes, tried on a page of our own. */
    public static boolean works() {
        long size = 2 * 4096;
        long at =
                Native.call(
                        Syscall.MMAP,
                        0,
                        size,
                        PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS,
                        -1,
                        0);
        if (Native.failed(at)) {
            return false;
        }
        long fd = Native.call(Syscall.USERFAULTFD, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
        if (Native.failed(fd)) {
            Native.call(Syscall.MUNMAP, at, size);
            return false;
        }
        try (Fd uffd = new Fd(fd, "userfaultfd");
                PagemapScan scan = new PagemapScan((int) ProcessHandle.current().pid())) {
            com.kenai.jffi.MemoryIO memory = com.kenai.jffi.MemoryIO.getInstance();
            memory.putByte(at, (byte) 1);
            memory.putByte(at + 4096, (byte) 1);
            Runs none = new Runs();
            Runs one = new Runs();
            Runs present = new Runs();
            if (enable(uffd) != 0
                    || register(uffd, at, at + size) != 0
                    || !scan.marks(at, at + size, true, true, present, none)) {
                return false;
            }
            memory.putByte(at, (byte) 2);
            return scan.marks(at, at + size, true, false, present, one)
                    && none.isEmpty()
                    && one.bytes() == 4096
                    && one.start(0) == at + 4096;
        } finally {
            Native.call(Syscall.MUNMAP, at, size);
        }
    }

    /** Whether a keeper that this user made watches a task. */
    public static boolean isWatched(int pid) {
        return Keeper.isWatched(pid);
    }

    @Override
    public void begin(Optional<jcriu_track> parent, boolean mark) {
        marking = mark;
        if (parent.isEmpty()) {
            doubt = "no marks were set when the parent was made";
        } else if (parent.get().getTracker().equals(NAME)) {
            find(parent.get());
        } else {
            doubt = "the parent was made with the tracker " + parent.get().getTracker();
        }
        if (mark) {
            keeper = Keeper.spawn();
        }
    }

    private void find(jcriu_track parent) {
        try {
            earlierRound = UUID.fromString(parent.getRound());
        } catch (IllegalArgumentException e) {
            throw new JcriuException(
                    Kind.IMAGE, "jcriu-track.img names the round " + parent.getRound(), e);
        }
        earlier =
                Keeper.find(parent.getKeeperPid(), parent.getKeeperStartTime(), earlierRound)
                        .orElse(null);
        if (earlier == null) {
            doubt =
                    "the keeper "
                            + parent.getKeeperPid()
                            + " of the parent's marks has gone, or another dump took them over";
        } else {
            earlier.entries().forEach(entry -> kept.put(entry.pid(), entry));
        }
    }

    @Override
    public Expected expected(
            int pid, List<MapsVma> vmas, Runs present, PageRead parent, Workers workers) {
        if (!kept.containsKey(pid)) {
            return byContent.expected(pid, vmas, present, parent, workers);
        }
        Runs unwritten = new Runs();
        try (PagemapScan scan = new PagemapScan(pid, workers)) {
            for (MapsVma vma : vmas) {
                scan.marks(vma.start(), vma.end(), isPlain(vma), false, new Runs(), unwritten);
            }
        }
        Runs written = present.minus(unwritten.and(parent.runs()));
        return new Expected(written.bytes(), Optional.of(written));
    }

    // ------------------------------------------------------------------ while the tree is stopped

    @Override
    public void attach(FrozenTask frozen, List<MapsVma> vmas) {
        if (!attached) {
            attached = true;
            takeOver();
        }
        int pid = frozen.pid();
        Task task = new Task(Stat.read(pid).startTime());
        tasks.put(pid, task);
        if (vmas.stream().anyMatch(vma -> vma.name().equals(AIO_RING))) {
            task.doubt = "it uses asynchronous I/O";
            return;
        }
        Keeper.Entry entry = kept.get(pid);
        if (entry != null && entry.startTime() == task.startTime) {
            task.uffd = earlier.take(entry).orElse(null);
        }
        if (task.uffd == null) {
            task.doubt = doubt != null ? doubt : "it is new";
        }
        watch(frozen.caller(), task, vmas);
    }

    /** Once the tree stands still nobody else can set its marks: is it still our round? */
    private void takeOver() {
        if (earlier != null && !earlier.keeps(earlierRound)) {
            earlier = null;
            kept.clear();
            doubt = "another dump has just taken over the marks";
        }
        if (earlier != null && marking) {
            earlier.revoke();
            marked = true;
        }
    }

    private void watch(Tracee caller, Task task, List<MapsVma> vmas) {
        int pid = caller.pid();
        Set<Long> before = task.uffd == null ? Set.of() : watchedOf(pid, vmas);
        if (task.uffd != null && ranges(pid, task, vmas, before) == Errno.ESRCH) {
            // it has executed another program: what we watch is the memory of the old one
            task.uffd.close();
            task.uffd = null;
            task.doubt = "it has executed a program";
        }
        if (task.uffd == null && marking) {
            task.uffd = make(caller, task);
            if (task.uffd != null) {
                ranges(pid, task, vmas, Set.of());
            }
        }
        if (task.uffd != null && marking) {
            task.pidfd =
                    new Fd(
                            Native.check(
                                    Native.call(Syscall.PIDFD_OPEN, pid, 0), "pidfd_open " + pid),
                            "pidfd " + pid);
        }
        FaultPoint.TRACK_ATTACH.pass();
    }

    /** The mappings that are watched while the tree stands, by their starts. */
    private static Set<Long> watchedOf(int pid, List<MapsVma> vmas) {
        Set<Long> watched = new HashSet<>();
        try (PagemapScan scan = new PagemapScan(pid)) {
            for (MapsVma vma : vmas) {
                if (scan.isWatched(vma)) {
                    watched.add(vma.start());
                }
            }
        }
        return watched;
    }

    /**
     * Sorts the mappings: watched by us before, from now on, or not at all. To register one tells
     * which: the kernel refuses those that are another's, and those that may not be written.
     *
     * @param watchedBefore by their starts
     * @return ESRCH if the descriptor is of another memory, else null
     */
    private Errno ranges(int pid, Task task, List<MapsVma> vmas, Set<Long> watchedBefore) {
        try (PagemapScan scan = new PagemapScan(pid)) {
            return ranges(scan, task, vmas, watchedBefore);
        }
    }

    private Errno ranges(PagemapScan scan, Task task, List<MapsVma> vmas, Set<Long> watchedBefore) {
        for (MapsVma vma : vmas) {
            boolean before = watchedBefore.contains(vma.start());
            if (!before && !marking) {
                continue; // new
            }
            long r = register(task.uffd, vma.start(), vma.end());
            if (r == -Errno.ESRCH.number()) {
                return Errno.ESRCH;
            }
            if (r != 0) {
                task.closed.add(vma.start(), vma.end());
            } else if (before) {
                task.marked.put(vma.start(), true);
            } else {
                // a mapping that was moved may have marks of the place where it was; to take away
                // those that are not there would cost the kernel 25 ms a GiB
                if (scan.hasMarks(vma.start(), vma.end())) {
                    unprotect(task.uffd, vma.start(), vma.end());
                }
                task.marked.put(vma.start(), false);
            }
        }
        return null;
    }

    /** Has the task make a userfaultfd, and takes it from it; null if it cannot make one. */
    private Fd make(Tracee caller, Task task) {
        FaultPoint.TRACK_OPEN.pass();
        long number;
        try {
            number =
                    caller.requireAlone(
                            Syscall.USERFAULTFD, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
        } catch (RemoteSyscallException e) {
            doubtForGood(caller.pid(), task, "it cannot make a userfaultfd: " + e.what());
            return null;
        }
        Fd uffd;
        try {
            uffd = Fd.take(caller.pid(), (int) number);
        } finally {
            caller.requireAlone(Syscall.CLOSE, number);
        }
        long r = enable(uffd);
        if (r != 0) {
            uffd.close();
            doubtForGood(
                    caller.pid(), task, "the kernel cannot mark its pages: " + Errno.ofResult(r));
            return null;
        }
        return uffd;
    }

    private void doubtForGood(int pid, Task task, String why) {
        task.doubt = why;
        fallbacks.add("pid " + pid + " is not watched: " + why);
    }

    static long enable(Fd uffd) {
        try (NativeMemory api = NativeMemory.allocate(24)) {
            api.putLong(0, UFFD_API);
            api.putLong(8, UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_UNPOPULATED);
            api.putLong(16, 0);
            return Native.call(Syscall.IOCTL, uffd.number(), UFFDIO_API, api.address());
        }
    }

    static long register(Fd uffd, long start, long end) {
        try (NativeMemory range = NativeMemory.allocate(32)) {
            range.putLong(0, start);
            range.putLong(8, end - start);
            range.putLong(16, UFFDIO_REGISTER_MODE_WP);
            range.putLong(24, 0);
            return Native.call(Syscall.IOCTL, uffd.number(), UFFDIO_REGISTER, range.address());
        }
    }

    private static void unprotect(Fd uffd, long start, long end) {
        try (NativeMemory range = NativeMemory.allocate(24)) {
            range.putLong(0, start);
            range.putLong(8, end - start);
            range.putLong(16, 0);
            Native.check(
                    Native.call(Syscall.IOCTL, uffd.number(), UFFDIO_WRITEPROTECT, range.address()),
                    "ioctl(UFFDIO_WRITEPROTECT)");
        }
    }

    @Override
    public Runs look(int pid, List<MapsVma> vmas, Pages pages, PagemapScan scan) {
        Task task = tasks.get(pid);
        Runs present = new Runs();
        for (MapsVma vma : vmas) {
            Boolean counts = task.uffd == null ? null : task.marked.get(vma.start());
            if (counts == null) {
                pages.find(vma, scan, present);
                continue;
            }
            Runs unwritten = counts ? task.unwritten : new Runs();
            if (isPlain(vma)) {
                look(scan, vma, present, unwritten);
            } else {
                pages.find(vma, scan, present);
                look(scan, vma, new Runs(), unwritten);
            }
        }
        return present;
    }

    /** Pages of its own are all that it can have, so that one look finds them and their marks. */
    private static boolean isPlain(MapsVma vma) {
        return vma.inode() == 0 && !vma.has(VmFlag.GU);
    }

    private void look(PagemapScan scan, MapsVma vma, Runs present, Runs unwritten) {
        if (!scan.marks(vma.start(), vma.end(), isPlain(vma), marking, present, unwritten)) {
            throw new JcriuException(
                    Kind.INTERNAL, "memory at " + vma + " was registered and is not watched");
        }
    }

    // ------------------------------------------------------------------ answers

    @Override
    public Runs unchanged(
            int pid, Runs present, PageRead parent, Workers workers, boolean running) {
        Task task = tasks.get(pid);
        if (task.doubt != null) {
            fallbacks.add("pid " + pid + " is compared by content: " + task.doubt);
            return byContent.unchanged(pid, present, parent, workers, running);
        }
        Runs unwritten = present.and(task.unwritten).and(parent.runs());
        Runs closed = present.and(task.closed);
        if (closed.isEmpty()) {
            return unwritten;
        }
        fallbacks.add(
                "pid "
                        + pid
                        + ": "
                        + closed.bytes() / 4096
                        + " pages that cannot be watched are compared by content");
        return unwritten.or(byContent.unchanged(pid, closed, parent, workers, running));
    }

    @Override
    public Optional<jcriu_track> round() {
        if (keeper == null) {
            return Optional.empty();
        }
        List<Keeper.Entry> entries = new ArrayList<>();
        List<Fd> uffds = new ArrayList<>();
        List<Fd> pidfds = new ArrayList<>();
        jcriu_track.Builder track =
                jcriu_track
                        .newBuilder()
                        .setTracker(NAME)
                        .setRound(round.toString())
                        .setKeeperPid(keeper.pid())
                        .setKeeperStartTime(keeper.startTime());
        tasks.forEach(
                (pid, task) -> {
                    if (task.pidfd != null) {
                        entries.add(new Keeper.Entry(pid, task.startTime, -1));
                        uffds.add(task.uffd);
                        pidfds.add(task.pidfd);
                        track.addTasks(
                                jcriu_track_task
                                        .newBuilder()
                                        .setPid(pid)
                                        .setStartTime(task.startTime));
                    }
                });
        if (entries.isEmpty()) {
            return Optional.empty();
        }
        keeper.fill(round, entries, uffds, pidfds);
        return Optional.of(track.build());
    }

    @Override
    public void keep() {
        FaultPoint.TRACK_KEEP.pass();
        if (keeper != null && tasks.values().stream().anyMatch(task -> task.pidfd != null)) {
            keeper.release();
            released = true;
        }
        if (earlier != null) {
            earlier.end();
        }
    }

    @Override
    public List<String> fallbacks() {
        return fallbacks;
    }

    @Override
    public void close() {
        for (Task task : tasks.values()) {
            if (task.uffd != null) {
                task.uffd.close();
            }
            if (task.pidfd != null) {
                task.pidfd.close();
            }
        }
        tasks.clear();
        if (keeper != null && !released) {
            keeper.close();
            if (earlier != null && marked) {
                earlier.end(); // its marks are those of no images any more
            }
        }
        keeper = null;
        earlier = null;
    }
}
