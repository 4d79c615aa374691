package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.fdinfo_entry;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.fown_entry;
import jcriu.image.proto.jcriu_file;
import jcriu.image.proto.reg_file_entry;
import jcriu.kernel.Syscall;
import jcriu.memory.Workers;
import jcriu.proc.Fdinfo;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Tracee;

/**
 * All open files of a restore. Each is opened, or made, in our own process; a task takes the same
 * description with pidfd_getfd(2), or opens our descriptor's {@code /proc} link where it needs a
 * description that lives only as long as a mmap.
 */
public final class RestoredFiles implements AutoCloseable {
    private final Map<Integer, file_entry> entries = new HashMap<>();
    private final Map<Integer, Fd> open = new HashMap<>();
    private final Map<Integer, Pipe.Pair> pipes = new HashMap<>();
    private final SharedObjects.Restored shared;
    private final Ghosts.Restored ghosts;
    private final ProcFile.Restored ended = new ProcFile.Restored();
    private final LinkRemap.Restored links = new LinkRemap.Restored();
    private final Tty.Restored ttys;
    private final Pty.Restored ptys;
    private final Eventpoll.Restored epolls;
    private final Map<Integer, jcriu_file> extras;
    private final Inotify.Restored inotifies = new Inotify.Restored();
    private final Fanotify.Restored fanotifies = new Fanotify.Restored();
    private final Pidfd.Restored pidfds = new Pidfd.Restored();
    private final Pipe.Loaded pipeData;
    private final Pipe.Loaded fifoData;
    private final Set<Integer> async = new HashSet<>();
    private final boolean shellJob;
    private final boolean skipModeCheck;
    private final Map<String, Integer> inherited;
    private final Map<String, String> external;

    /**
     * @param inherited our descriptors by the resource that they stand for: {@code pipe[INO]},
     *     {@code pipe:[INO]}, {@code /memfd:NAME}, what {@link External} calls a file, or a path,
     *     with or without the first slash
     * @param external paths by what {@link External} calls a device
     */
    public RestoredFiles(
            ImageDir images,
            boolean shellJob,
            boolean skipModeCheck,
            Map<String, Integer> inherited,
            Map<String, String> external,
            Workers workers) {
        this.skipModeCheck = skipModeCheck;
        this.inherited = inherited;
        this.external = external;
        this.shellJob = shellJob;
        try (ImageReader in = images.reader(ImageType.FILES)) {
            for (file_entry entry : in.readAll(file_entry.parser())) {
                entries.put(entry.getId(), entry);
            }
        }
        shared = new SharedObjects.Restored(images, workers);
        ghosts = new Ghosts.Restored(images, ended);
        for (file_entry entry : entries.values()) {
            if ((entry.getReg().getFlags() & O_TMPFILE_ALONE) != 0) {
                ghosts.unnamed(entry.getReg());
            }
        }
        ttys = new Tty.Restored(images);
        ptys = new Pty.Restored(images);
        for (file_entry entry : entries.values()) {
            if (entry.hasTty()
                    && externalName(entry) == null
                    && name(entry.getTty().getRegfId()).equals("/dev/tty")) {
                ptys.addCurrent(entry.getTty());
            }
        }
        epolls = new Eventpoll.Restored(images);
        extras = FileExtras.read(images);
        pipeData = Pipe.Loaded.read(images, ImageType.PIPES_DATA);
        fifoData = Pipe.Loaded.read(images, ImageType.FIFO_DATA);
    }

    public Pty.Restored ptys() {
        return ptys;
    }

    /** Makes the master of a pty of the tree, so that its slave can be opened. */
    public void openMaster(int index) {
        for (file_entry entry : List.copyOf(entries.values())) {
            if (entry.hasTty() && entry.getTty().getTtyInfoId() == ptys.masterInfo(index)) {
                open(entry.getId());
            }
        }
    }

    public Tty.Restored ttys() {
        return ttys;
    }

    public long pagesRestored() {
        return shared.pagesRestored();
    }

    private file_entry entry(int id) {
        file_entry entry = entries.get(id);
        if (entry == null) {
            throw new ImageFormatException("files.img", -1, "has no file " + id);
        }
        return entry;
    }

    /** Our descriptor of a file of the images; opened at the first call. */
    public Fd open(int id) {
        Fd fd = open.get(id);
        if (fd == null) {
            fd = make(entry(id));
            open.put(id, fd);
        }
        return fd;
    }

    /**
     * Adds the calls by which a task that has no descriptor gets a file to map as its descriptor 0.
     * A memfd to be written is taken as it is, for the reason that {@link
     * SharedObjects.Restored#open} gives; other shared objects are not opened for their position.
     */
    void openToMap(int id, int flags, RemoteBatch batch) {
        file_entry entry = entry(id);
        Fd file;
        if (entry.getType() != fd_types.MEMFD || inheritedNumber(entry) != null) {
            file = open(id);
        } else {
            file = shared.object(entry.getMemfd());
            if (flags == O_RDWR && !shared.isAnonymous(entry.getMemfd())) {
                batch.add("reach jcriu", Syscall.PIDFD_OPEN, ProcessHandle.current().pid(), 0);
                batch.add("take a memfd to map", Syscall.PIDFD_GETFD, 0, file.number(), 0);
                batch.add("", Syscall.DUP3, 1, 0, 0);
                batch.add("", Syscall.CLOSE, 1);
                return;
            }
        }
        batch.add(
                "open a file to map",
                Syscall.OPENAT,
                AT_FDCWD,
                batch.cString(file.procPath()),
                flags,
                0);
    }

    /** Refuses SysV segments that cannot be made or attached again; nothing is made yet. */
    public void checkSegments() {
        shared.segments().check();
    }

    /** Makes the SysV segments; {@code tree} are the pids of all tasks. */
    public void makeSegments(Tracee seed, Set<Integer> tree) {
        shared.makeSegments(seed, tree);
    }

    /** The SysV segments, to attach. */
    SysvShm.Restored segments() {
        return shared.segments();
    }

    /** The restore has failed, and its tasks are gone: so must be what outlives them. */
    public void undo() {
        shared.segments().undo();
    }

    /** The path in a file entry, for directories. */
    public String name(int id) {
        file_entry entry = entry(id);
        if (!entry.hasReg()) {
            throw new ImageFormatException("files.img", -1, "file " + id + " has no path");
        }
        return entry.getReg().getName();
    }

    private Fd make(file_entry entry) {
        int id = entry.getId();
        Fd given = inherited(entry);
        if (given != null) {
            return given;
        }
        String outside = externalName(entry);
        if (outside != null) {
            return External.open(external.get(outside), entry.getReg());
        }
        switch (entry.getType()) {
            case REG -> {
                return regular(id, entry.getReg());
            }
            case PIPE -> {
                Pipe.Pair pair =
                        pipes.computeIfAbsent(
                                entry.getPipe().getPipeId(), p -> Pipe.Pair.create(p, pipeData));
                return pair.open(entry.getPipe().getFlags());
            }
            case FIFO -> {
                reg_file_entry reg = entry(entry.getFifo().getRegfId()).getReg();
                Pipe.Pair pair =
                        pipes.computeIfAbsent(entry.getFifo().getPipeId(), p -> fifo(reg, p));
                return pair.open(reg.getFlags());
            }
            case EVENTFD -> {
                return Eventfd.restore(entry.getEfd());
            }
            case EVENTPOLL -> {
                return Eventpoll.restore();
            }
            case SIGNALFD -> {
                return Signalfd.restore(entry.getSgfd());
            }
            case TIMERFD -> {
                return Timerfd.restore(entry.getTfd(), extras.get(id));
            }
            case INOTIFY -> {
                return inotifies.restore(entry.getIfy(), extras.get(id));
            }
            case FANOTIFY -> {
                return fanotifies.restore(entry.getFfy(), extras.get(id));
            }
            case PIDFD -> {
                return pidfds.restore(entry.getPidfd(), entries.values());
            }
            case MEMFD -> {
                return shared.open(entry.getMemfd());
            }
            case TTY -> {
                return ptys.has(entry.getTty())
                        ? ptys.open(entry.getTty(), entry(entry.getTty().getRegfId()).getReg())
                        : ttys.open(entry.getTty(), shellJob);
            }
            default ->
                    throw new JcriuException(
                                    Kind.RESTORE_REFUSED,
                                    "file "
                                            + id
                                            + " of the images is of the kind "
                                            + entry.getType()
                                            + ", which is not supported yet")
                            .withHint("see docs/limits.md#descriptors");
        }
    }

    /** What a FIFO's entry has in the entry of its path. */
    private reg_file_entry path(file_entry entry) {
        return entry.getType() == fd_types.FIFO
                ? entry(entry.getFifo().getRegfId()).getReg()
                : null;
    }

    private Pipe.Pair fifo(reg_file_entry reg, int pipeId) {
        Fd both = ghosts.open(reg.getId(), reg.getName(), O_RDWR | O_NONBLOCK);
        if (both == null) {
            both = Fd.open(reg.getName(), O_RDWR | O_NONBLOCK);
        }
        if (FileStat.of(both.procPath()).type() != S_IFIFO) { // it is about to be filled
            throw new JcriuException(
                            Kind.RESTORE_REFUSED, "file " + reg.getName() + " is no FIFO any more")
                    .withHint("put it back as it was at the dump");
        }
        return Pipe.Pair.fifo(both, pipeId, fifoData);
    }

    /** Refuses, before anything is made, what a task would find without its other end. */
    public void check(int pid, List<fdinfo_entry> table) {
        for (fdinfo_entry fd : table) {
            file_entry entry = entry(fd.getId());
            if (entry.getType() == fd_types.PIPE && inheritedNumber(entry) == null) {
                pipeData.check(pid, fd.getFd(), entry.getPipe().getPipeId());
            }
            String outside = externalName(entry);
            if (outside != null
                    && inheritedNumber(entry) == null
                    && !external.containsKey(outside)) {
                throw External.missing(outside);
            }
        }
    }

    private Integer inheritedNumber(file_entry entry) {
        if (entry.getType() == fd_types.PIPE) {
            long pipe = entry.getPipe().getPipeId() & 0xffffffffL;
            return inherited.getOrDefault(
                    "pipe[" + pipe + "]", inherited.get("pipe:[" + pipe + "]"));
        }
        String name = resourceName(entry);
        return name == null
                ? null
                : inherited.getOrDefault(name, inherited.get(name.replaceFirst("^/", "")));
    }

    /** What a file is called on the command line; null where there is no name for it. */
    private String resourceName(file_entry entry) {
        String outside = externalName(entry);
        if (outside != null) {
            return outside;
        }
        return switch (entry.getType()) {
            case REG -> entry.getReg().getName();
            case FIFO -> name(entry.getFifo().getRegfId());
            case TTY -> name(entry.getTty().getRegfId());
            case MEMFD -> "/memfd:" + shared.name(entry.getMemfd());
            default -> null;
        };
    }

    private String externalName(file_entry entry) {
        return External.name(entry, entry.hasTty() ? ttys.info(entry.getTty()) : null);
    }

    private Fd inherited(file_entry entry) {
        Integer fd = inheritedNumber(entry);
        if (fd == null) {
            return null;
        }
        if (entry.getType() == fd_types.PIPE) {
            int wanted = entry.getPipe().getFlags();
            int given = Fdinfo.read((int) ProcessHandle.current().pid(), fd).flags();
            if (((wanted ^ given) & O_ACCMODE) != 0) { // the tree held the other end, too
                return Fd.open("/proc/self/fd/" + fd, wanted & (O_ACCMODE | O_NONBLOCK));
            }
        }
        return new Fd(
                Native.check(
                        Native.call(Syscall.FCNTL, fd, F_DUPFD_CLOEXEC, 0),
                        "duplicate inherited descriptor " + fd),
                "inherited descriptor " + fd);
    }

    private Fd regular(int id, reg_file_entry reg) {
        Fd dead = ended.open(reg);
        if (dead != null) {
            return dead;
        }
        int flags = RegFile.openFlags(reg.getFlags());
        Fd fd = ghosts.open(id, reg.getName(), flags);
        Integer link = ghosts.linkOf(id);
        if (link != null) {
            fd = links.open(reg.getName(), name(link), flags);
        }
        if (fd == null) {
            return RegFile.restore(reg, skipModeCheck, true);
        }
        RegFile.seek(fd, reg.getPos(), flags, FileStat.of(fd.procPath()));
        return fd;
    }

    /**
     * Adds the calls by which a task gets its descriptors. It has none before.
     *
     * <p>The kernel hands out the lowest free number, so which number each call returns is known in
     * advance.
     */
    public void install(List<fdinfo_entry> table, RemoteBatch batch, Runnable flush) {
        List<fdinfo_entry> sorted = new ArrayList<>(table);
        sorted.sort(java.util.Comparator.comparingInt(fdinfo_entry::getFd));
        epolls.restoreMoved(id -> entry(id).getEpfd(), this::open, batch, flush);
        int high = 3;
        for (fdinfo_entry fd : sorted) {
            high = Math.max(high, fd.getFd() + 1);
        }
        java.util.BitSet used = new java.util.BitSet();
        batch.add("reach jcriu", Syscall.PIDFD_OPEN, ProcessHandle.current().pid(), 0);
        batch.add("reach jcriu", Syscall.DUP3, 0, high, O_CLOEXEC);
        batch.add("", Syscall.CLOSE, 0);
        used.set(high);
        for (fdinfo_entry fd : sorted) {
            if (!batch.fits(6, 0)) {
                flush.run();
            }
            Fd ours = open(fd.getId());
            int target = fd.getFd();
            int got = used.nextClearBit(0);
            boolean closeOnExec = (fd.getFlags() & FD_CLOEXEC) != 0;
            batch.add(
                    "take descriptor " + target + " (" + ours.name() + ")",
                    Syscall.PIDFD_GETFD,
                    high,
                    ours.number(),
                    0);
            if (got != target) {
                batch.add(
                        "place descriptor " + target,
                        Syscall.DUP3,
                        got,
                        target,
                        closeOnExec ? O_CLOEXEC : 0);
                batch.add("", Syscall.CLOSE, got);
            } else if (!closeOnExec) {
                batch.add("", Syscall.FCNTL, target, F_SETFD, 0);
            }
            used.set(target);
            file_entry entry = entry(fd.getId());
            int flags = Fown.flags(entry, path(entry));
            if ((flags & (O_ASYNC | O_PATH)) == O_ASYNC && async.add(fd.getId())) {
                Fown.switchOn(target, flags, batch);
            }
        }
        batch.add("", Syscall.CLOSE, high);
        for (fdinfo_entry fd : sorted) {
            file_entry entry = entry(fd.getId());
            if (entry.getType() == fd_types.EVENTPOLL) {
                epolls.restoreWatches(
                        fd.getId(), entry.getEpfd(), fd.getFd(), open(fd.getId()), batch, flush);
            }
        }
    }

    /** All tasks have their descriptors and directories. */
    public void installed() {
        ended.close();
    }

    /** The tree runs: takes away what the dump left in the file system for us. */
    public void succeeded() {
        links.remove();
    }

    /** Adds what would be in the way of tasks that map and open files: all have theirs now. */
    public void seal() {
        shared.seal();
        shared.segments().mark();
    }

    /**
     * Ends our part of a restore that goes well. Watches come late, for whatever we open and close
     * is an event; the receivers of signals come last.
     */
    public void settle() {
        Set<Integer> needed = new HashSet<>(inotifies.needed());
        needed.addAll(fanotifies.needed());
        needed.forEach(this::open);
        Map<Integer, fown_entry> owners = owners();
        needed.addAll(owners.keySet());
        Map<Integer, Integer> leases = new HashMap<>();
        extras.forEach(
                (id, extra) -> {
                    if (extra.hasLeaseBecomes() && open.containsKey(id)) {
                        leases.put(id, extra.getLeaseBecomes());
                    }
                });
        needed.addAll(leases.keySet());
        ptys.settle(extras);
        ghosts.close();
        open.forEach(
                (id, fd) -> {
                    if (!needed.contains(id)) {
                        fd.close();
                    }
                });
        inotifies.restoreWatches(this::open);
        inotifies.forgetEvents();
        fanotifies.restoreMarks(this::open);
        fanotifies.forgetEvents();
        pipes.values().forEach(Pipe.Pair::close);
        leases.forEach((id, becomes) -> FileLocks.breakLease(open(id), becomes));
        owners.forEach((id, owner) -> Fown.restore(owner, open(id)));
        close();
    }

    private Map<Integer, fown_entry> owners() {
        Map<Integer, fown_entry> owners = new HashMap<>();
        for (int id : open.keySet()) {
            fown_entry owner = Fown.of(entry(id), path(entry(id)));
            if (owner.getPid() != 0 || owner.getSignum() != 0) {
                owners.put(id, owner);
            }
        }
        return owners;
    }

    /**
     * Ends our part: deleted files lose their names, and our descriptors are closed, so that a
     * pipe's last writer is the task's.
     */
    @Override
    public void close() {
        ended.close();
        ghosts.close();
        open.values().forEach(Fd::close);
        pipes.values().forEach(Pipe.Pair::close);
        shared.close();
    }
}
