package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.fdinfo_entry;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.fown_entry;
import jcriu.image.proto.jcriu_pipe;
import jcriu.kernel.Syscall;
import jcriu.proc.FdLink;
import jcriu.proc.MapsVma;
import jcriu.proc.ProcFs;
import jcriu.proc.ShmSegment;
import jcriu.sys.FileStat;
import jcriu.sys.Native;

/**
 * All open files of a dump: one entry for each open file description, and for each file that is
 * only referred to by path (mappings, executables, directories).
 *
 * <p>Which descriptors share a description is told by kcmp(2); it is asked only about those whose
 * file, flags and position are alike.
 *
 * <p>Several threads may dump tables, and make references, at the same time.
 */
public final class FileTable {
    private record Known(int id, fd_types type, int pid, int fd) {}

    private final ImageDir images;
    private final boolean shellJob;
    private final Ghosts ghosts;
    private final LinkRemap links;
    private final FileLocks locks;
    private final External external;
    private final SharedObjects shared;
    private final Pty.Found ttys = new Pty.Found();
    private boolean frozen;
    private final Pipe.Contents pipes = new Pipe.Contents();
    private final Pipe.Contents fifos = new Pipe.Contents();
    private final Eventpoll.Suspects suspects = new Eventpoll.Suspects();
    private final Set<Integer> checked = new HashSet<>();
    private final Fsnotify.Watched watched = new Fsnotify.Watched();
    private final OutsideHolders outside = new OutsideHolders();
    private final Pidfd.Targets pidfds = new Pidfd.Targets();
    private final Fown.Owners owners = new Fown.Owners();
    private final FileExtras extras = new FileExtras();
    private final Eventpoll.Moved movedWatches = new Eventpoll.Moved();
    private final Map<String, List<Known>> descriptions = new HashMap<>();
    private final Map<String, Integer> references = new HashMap<>();
    private final List<file_entry> entries = new ArrayList<>();
    private final Map<Integer, List<fdinfo_entry>> tables = new HashMap<>();

    /** A task of each table; ids grow in the order of the tree. */
    private final Map<Integer, Integer> holders = new TreeMap<>();

    public FileTable(
            ImageDir images,
            boolean shellJob,
            boolean fileLocks,
            boolean linkRemap,
            long ghostLimit,
            External external,
            SharedObjects shared) {
        this.external = external;
        this.links = new LinkRemap(linkRemap);
        this.locks = new FileLocks(fileLocks, extras);
        this.images = images;
        this.shellJob = shellJob;
        this.ghosts = new Ghosts(ghostLimit);
        this.shared = shared;
    }

    /** Refuses descriptors that cannot be saved. Changes nothing: called before the freeze. */
    public void check(int pid) {
        suspects.addTask(pid);
        checked.add(pid);
        for (int fd : ProcFs.fds(pid)) {
            try {
                OpenFile file = OpenFile.of(pid, fd);
                check(file);
                owners.add(file, file.fown());
            } catch (jcriu.errors.SyscallException e) {
                if (e.errno() != jcriu.errors.Errno.ENOENT
                        && e.errno() != jcriu.errors.Errno.EBADF) {
                    throw e;
                }
                // closed meanwhile; the freeze will see what is there then
            }
        }
    }

    /** Refuses what only all tasks together show; called when all have been checked. */
    public void checkTogether(int root) {
        suspects.check();
        pidfds.check(root);
        owners.check(checked);
        watched.checkAmong(checked);
        ttys.check(shellJob);
        outside.check(checked);
    }

    private void check(OpenFile file) {
        locks.check(file);
        FdLink link = file.link();
        if (externalName(file) != null) {
            return;
        }
        switch (link.kind()) {
            case MEMFD -> {
                // fully described by the object itself
            }
            case PIPE -> {
                if (!frozen && !external.isPipe(file.stat().ino())) {
                    outside.add(file);
                }
            }
            case PATH -> {
                if (pathAlone(file)) {
                    RegFile.checkPath(
                            file, link.name(), file.stat(), link.deleted(), ghosts, links);
                } else if (Tty.isTty(file.stat())) {
                    ttys.add(file, 0);
                } else {
                    checkPath(file, link, file.stat());
                    if (!frozen && file.stat().type() == S_IFIFO) {
                        outside.add(file);
                    }
                }
            }
            case SOCKET ->
                    throw refuse(file, Sockets.describe(file.pid(), link.inode()), "sockets");
            case ANON_INODE -> {
                switch (link.name()) {
                    case "eventfd", "timerfd", "signalfd" -> {
                        // fully described by fdinfo
                    }
                    case "eventpoll" -> {
                        if (!frozen) {
                            suspects.add(file);
                        }
                    }
                    case "pidfd" -> pidfds.add(file);
                    case "inotify" -> {
                        if (!frozen) {
                            Inotify.check(file, watched);
                        }
                    }
                    case "fanotify" -> Fanotify.check(file, watched, !frozen);
                    default -> throw refuse(file, "of the kind " + link.name(), "descriptors");
                }
            }
            case NAMESPACE, OTHER -> {
                if (!Pidfd.is(link)) {
                    throw refuse(file, "of the kind " + link.name(), "descriptors");
                }
                pidfds.add(file);
            }
        }
        if ((file.flags() & O_PATH) != 0 && link.kind() != FdLink.Kind.PATH) {
            throw refuse(file, "an O_PATH descriptor of something without a path", "descriptors");
        }
    }

    private static UnsupportedStateException refuse(OpenFile file, String what, String section) {
        return (UnsupportedStateException)
                new UnsupportedStateException(
                                file.subject() + " is " + what + ", which is not supported yet")
                        .withHint("close it before the dump; see docs/limits.md#" + section);
    }

    /**
     * Dumps the descriptors of a frozen task.
     *
     * @param filesId names its table
     * @param pids all tasks that have this table
     */
    public void dump(int pid, int filesId, List<Integer> pids) {
        List<OpenFile> open = new ArrayList<>();
        for (int fd : ProcFs.fds(pid)) {
            open.add(OpenFile.of(pid, fd));
        }
        List<fdinfo_entry> table = new ArrayList<>(open.size());
        synchronized (this) {
            frozen = true;
            for (OpenFile file : open) {
                Known known = description(file);
                locks.add(file, known.id, pids);
                table.add(
                        fdinfo_entry
                                .newBuilder()
                                .setId(known.id)
                                .setFlags(file.closeOnExec() ? FD_CLOEXEC : 0)
                                .setType(known.type)
                                .setFd(file.fd())
                                .build());
            }
            tables.put(filesId, table);
            holders.put(filesId, pid);
        }
    }

    private Known description(OpenFile file) {
        FileStat stat = file.stat();
        String key =
                stat.dev()
                        + ":"
                        + stat.ino()
                        + ":"
                        + file.flags()
                        + ":"
                        + file.info().pos()
                        + ":"
                        + file.link().name();
        List<Known> alike = descriptions.computeIfAbsent(key, k -> new ArrayList<>(1));
        for (Known known : alike) {
            long r =
                    Native.call(
                            Syscall.KCMP, known.pid, file.pid(), KCMP_FILE, known.fd, file.fd());
            if (Native.check(r, "kcmp of " + file.path()) == 0) {
                return known;
            }
        }
        check(file);
        int id = newId();
        file_entry entry = entry(id, file);
        owners.add(file, ownerOf(entry));
        entries.add(entry);
        Known known = new Known(id, entry.getType(), file.pid(), file.fd());
        alike.add(known);
        return known;
    }

    /** The path of a FIFO stands right before it. */
    private fown_entry ownerOf(file_entry entry) {
        boolean fifo = entry.getType() == fd_types.FIFO;
        return Fown.of(entry, fifo ? entries.get(entries.size() - 1).getReg() : null);
    }

    private int lastId;

    private int newId() {
        return ++lastId;
    }

    private file_entry entry(int id, OpenFile file) {
        FdLink link = file.link();
        if (Pidfd.is(link)) {
            return Pidfd.dump(id, file);
        }
        String outside = externalName(file);
        if (outside != null && Tty.isTty(file.stat())) {
            return Tty.dump(id, ttys.addExternal(file), 0, file);
        }
        if (outside != null) {
            return RegFile.dumpExternal(id, outside, file);
        }
        switch (link.kind()) {
            case PIPE -> {
                pipes.see(file, external.isPipe(file.stat().ino()));
                pipes.add(file);
                return Pipe.dump(id, file);
            }
            case MEMFD -> {
                int inodeId = shared.add(link.name(), file.path(), file.stat());
                return SharedObjects.dumpFile(
                        id, inodeId, file.flags(), file.info().pos(), file.fown());
            }
            case ANON_INODE -> {
                return switch (link.name()) {
                    case "eventfd" -> Eventfd.dump(id, file);
                    case "timerfd" -> Timerfd.dump(id, file, extras);
                    case "signalfd" -> Signalfd.dump(id, file);
                    case "inotify" -> Inotify.dump(id, file, watched, extras);
                    case "fanotify" -> Fanotify.dump(id, file, watched);
                    default -> Eventpoll.dump(id, file, movedWatches);
                };
            }
            default -> {
                if (!pathAlone(file) && (file.stat().type() == S_IFIFO || Tty.isTty(file.stat()))) {
                    int regId = newId();
                    entries.add(withPath(regId, file, 0));
                    if (file.stat().type() == S_IFIFO) {
                        fifos.add(file);
                        return Pipe.dumpFifo(id, regId, file);
                    }
                    return Tty.dump(id, ttys.add(file, id), regId, file);
                }
                return withPath(id, file, file.info().pos());
            }
        }
    }

    private String externalName(OpenFile file) {
        return file.link().kind() == FdLink.Kind.PATH
                ? external.name(file, Tty.isTty(file.stat()))
                : null;
    }

    private static boolean pathAlone(OpenFile file) {
        return (file.flags() & O_PATH) != 0;
    }

    private void checkPath(Object subject, FdLink link, FileStat stat) {
        RegFile.check(subject, link.name(), stat, link.deleted(), ghosts, links);
    }

    private file_entry withPath(int id, OpenFile file, long pos) {
        return withPath(
                id, file, file.link(), file.stat(), file.path(), file.flags(), pos, file.fown());
    }

    /**
     * The entry of a file with a path, and what it takes to open it again where the path is gone.
     *
     * @param content a link of {@code /proc} that leads to the file
     */
    private file_entry withPath(
            int id,
            Object subject,
            FdLink link,
            FileStat stat,
            String content,
            int flags,
            long pos,
            fown_entry fown) {
        String name = link.name();
        int ended = ProcFile.pid(name, stat);
        if (ended != 0) {
            ghosts.ended(id, ended);
        } else if (RegFile.isGone(stat, link.deleted())) {
            ghosts.dump(id, stat, content, images);
        } else if (link.deleted()) {
            FileStat now = FileStat.tryOf(name);
            if (now == null || !now.sameFile(stat)) {
                Integer linkId = links.known(stat);
                if (linkId == null) {
                    linkId = newId();
                    String path = links.dump(subject, name, stat, content, linkId);
                    entries.add(RegFile.dump(linkId, path, stat, O_RDONLY, 0, Fown.none()));
                }
                ghosts.linked(id, linkId);
            }
        }
        return RegFile.dump(id, name, stat, flags, pos, fown);
    }

    /** Takes away what the dump made in the file system: it has failed. */
    public synchronized void undo() {
        links.undo();
    }

    /** Refuses a file without a descriptor that cannot be saved, as {@link #check(int)} does. */
    public void checkReference(String linkPath, String subject) {
        String name = ProcFs.tryReadlink(linkPath);
        FileStat stat = FileStat.tryOf(linkPath);
        if (name == null || stat == null) {
            return; // unmapped meanwhile
        }
        FdLink link = FdLink.parse(name).of(stat);
        if (link.kind() == FdLink.Kind.PATH && !link.name().equals(SharedObjects.ANONYMOUS)) {
            checkPath(subject, link, stat);
        }
    }

    /**
     * The entry of a file that a task refers to without a descriptor: a mapping's, its executable,
     * its directories.
     *
     * @param linkPath a link of {@code /proc} that leads to the file itself
     * @param subject for messages
     * @param flags open(2) flags with which it must be opened again
     */
    public synchronized int reference(String linkPath, String subject, int flags) {
        FileStat stat = FileStat.of(linkPath);
        FdLink link = FdLink.parse(ProcFs.readlink(linkPath)).of(stat);
        String key = stat.dev() + ":" + stat.ino() + ":" + flags + ":" + link.name();
        Integer known = references.get(key);
        if (known != null) {
            return known;
        }
        int id = newId();
        if (link.kind() == FdLink.Kind.MEMFD
                || link.deleted() && SharedObjects.isAnonymous(link.name())) {
            int inodeId = shared.add(link.name(), linkPath, stat);
            entries.add(SharedObjects.dumpFile(id, inodeId, flags, 0, Fown.none()));
        } else {
            checkPath(subject, link, stat);
            entries.add(withPath(id, subject, link, stat, linkPath, flags, 0, Fown.none()));
        }
        references.put(key, id);
        return id;
    }

    /** Notes the SysV segment that a mapping is of; {@code linkPath} leads to it. */
    synchronized void segment(MapsVma vma, String linkPath) {
        ShmSegment segment = SysvShm.find(vma);
        if (segment == null) {
            throw new UnsupportedStateException(
                    "memory at "
                            + vma
                            + " is a SysV segment that is not in "
                            + "/proc/sysvipc/shm");
        }
        shared.addSegment(vma, segment, linkPath);
    }

    /**
     * Finds what refers to files of other tables, and to tasks; all are dumped, and still stopped.
     *
     * @param pids of the tree, zombies included
     */
    public synchronized void resolve(Set<Integer> pids) {
        pidfds.resolve(pids);
        owners.check(pids);
        List<Eventpoll.Described> all = new ArrayList<>();
        for (List<Known> alike : descriptions.values()) {
            for (Known known : alike) {
                all.add(new Eventpoll.Described(known.id, known.pid, known.fd));
            }
        }
        List<Eventpoll.Table> inOrder = new ArrayList<>();
        holders.forEach((id, pid) -> inOrder.add(new Eventpoll.Table(pid, tables.get(id))));
        movedWatches.resolve(all, inOrder, entries);
        watched.resolve(all, extras);
        ttys.resolve(shellJob, extras);
    }

    /** Writes all that the table has gathered. */
    public void write() {
        try (ImageWriter out = images.writer(ImageType.FILES)) {
            entries.forEach(out::write);
        }
        for (Map.Entry<Integer, List<fdinfo_entry>> table : tables.entrySet()) {
            try (ImageWriter out = images.writer(ImageType.FDINFO, table.getKey())) {
                table.getValue().forEach(out::write);
            }
        }
        List<jcriu_pipe> more = pipes.extras();
        more.addAll(fifos.extras());
        if (!more.isEmpty()) {
            try (ImageWriter out = images.writer(ImageType.JCRIU_PIPES)) {
                more.forEach(out::write);
            }
        }
        pipes.write(images, ImageType.PIPES_DATA);
        fifos.write(images, ImageType.FIFO_DATA);
        ttys.write(images);
        ghosts.finish(images);
        locks.write(images);
        movedWatches.write(images);
        extras.write(images);
    }
}
