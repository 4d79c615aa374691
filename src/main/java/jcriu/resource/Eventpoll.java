package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;
import jcriu.errors.Errno;
import jcriu.errors.ImageFormatException;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.eventpoll_file_entry;
import jcriu.image.proto.eventpoll_tfd_entry;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.fdinfo_entry;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.jcriu_epoll_watch;
import jcriu.kernel.Syscall;
import jcriu.proc.Fdinfo;
import jcriu.proc.ProcFs;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteBatch;

/**
 * epoll(7): the watched files, with their masks and words.
 *
 * <p>An instance knows a file by its description and by the number under which it was added. The
 * number may have been closed or given to another file since, and another task may have added it;
 * kcmp(2) with KCMP_EPOLL_TFD tells whether a descriptor is what is watched.
 */
final class Eventpoll {
    private static final int CHECK_TRIES = 4;
    private static final long CHECK_PAUSE_NANOS = 3_000_000;

    /** Bits of a mask that are no events: EPOLLET, EPOLLONESHOT, EPOLLWAKEUP, EPOLLEXCLUSIVE. */
    private static final int NO_EVENTS = 0xf0000000;

    private static final int ANY_EVENT = EPOLLIN | EPOLLPRI | EPOLLOUT;

    private Eventpoll() {}

    /**
     * One watch of an instance.
     *
     * @param before how many watches with the same number stand before it
     */
    private record Watch(OpenFile epoll, Fdinfo.Tfd tfd, int index, int before) {
        /** Whether a descriptor of a task is the watched file. */
        boolean isOn(int pid, int fd) {
            try (NativeMemory slot = NativeMemory.allocate(16)) {
                slot.putInt(0, epoll.fd()); // struct kcmp_epoll_slot {u32 efd, tfd, toff}
                slot.putInt(4, tfd.tfd());
                slot.putInt(8, before);
                long r =
                        Native.call(
                                Syscall.KCMP, pid, epoll.pid(), KCMP_EPOLL_TFD, fd, slot.address());
                if (r == -Errno.EBADF.number() || r == -Errno.ENOENT.number()) {
                    return false;
                }
                return Native.check(r, "kcmp of a file that " + epoll.subject() + " watches") == 0;
            }
        }

        boolean isAtItsNumber() {
            return isOn(epoll.pid(), tfd.tfd());
        }

        UnsupportedStateException refuse() {
            return (UnsupportedStateException)
                    new UnsupportedStateException(
                                    epoll.subject()
                                            + " is an epoll instance that watches a file which was"
                                            + " descriptor "
                                            + tfd.tfd()
                                            + ", and which no task of the tree has open")
                            .withHint("see docs/limits.md#epoll");
        }
    }

    private static List<Watch> watches(OpenFile epoll) {
        List<Watch> watches = new ArrayList<>();
        Map<Integer, Integer> sameNumber = new HashMap<>();
        for (Fdinfo.Tfd tfd : epoll.info().tfds()) {
            int before = sameNumber.merge(tfd.tfd(), 1, Integer::sum) - 1;
            watches.add(new Watch(epoll, tfd, watches.size(), before));
        }
        return watches;
    }

    // ------------------------------------------------------------------ dump

    /** What a check before the freeze has met: instances with a file that is not at its number. */
    static final class Suspects {
        private record Instance(int pid, int fd) {}

        private final Set<Instance> instances = new HashSet<>();
        private final Set<Integer> pids = new HashSet<>();

        void add(OpenFile file) {
            for (Watch watch : watches(file)) {
                if (!watch.isAtItsNumber()) {
                    instances.add(new Instance(file.pid(), file.fd()));
                    return;
                }
            }
        }

        /** Says that a task belongs to the tree. */
        void addTask(int pid) {
            pids.add(pid);
        }

        /** Refuses an instance that watches a file which no task has; called when all are known. */
        void check() {
            for (Instance instance : instances) {
                for (int tries = 1; ; tries++) {
                    try {
                        check(OpenFile.of(instance.pid, instance.fd));
                        break;
                    } catch (TaskGoneException e) {
                        break; // the freeze will see what is left
                    } catch (SyscallException | UnsupportedStateException e) {
                        if (e instanceof SyscallException gone && gone.errno() == Errno.ENOENT) {
                            break; // closed meanwhile
                        }
                        if (tries == CHECK_TRIES) {
                            throw e;
                        }
                        LockSupport.parkNanos(CHECK_PAUSE_NANOS);
                    }
                }
            }
        }

        private void check(OpenFile epoll) {
            for (Watch watch : watches(epoll)) {
                if (!watch.isAtItsNumber() && !isAnywhere(watch)) {
                    throw watch.refuse();
                }
            }
        }

        private boolean isAnywhere(Watch watch) {
            for (int pid : pids) {
                try {
                    for (int fd : ProcFs.fds(pid)) {
                        FileStat stat = FileStat.tryOf("/proc/" + pid + "/fd/" + fd);
                        boolean other =
                                stat == null
                                        || watch.tfd.ino() != 0 && stat.ino() != watch.tfd.ino();
                        if (!other && watch.isOn(pid, fd)) {
                            return true;
                        }
                    }
                } catch (TaskGoneException e) {
                    continue;
                }
            }
            return false;
        }
    }

    /** A description of the dump, where it can be found. */
    record Described(int id, int pid, int fd) {}

    /** A table of the dump: what it holds, and a task that has it. */
    record Table(int pid, List<fdinfo_entry> fds) {
        boolean holds(int id) {
            return fds.stream().anyMatch(fd -> fd.getId() == id);
        }
    }

    /**
     * The instances of a dump until all tables are dumped. An instance may be in several tables,
     * and one number may be another file in each: a restore makes the watches in the first.
     */
    static final class Moved {
        private final Map<Integer, OpenFile> instances = new TreeMap<>();
        private final List<jcriu_epoll_watch> found = new ArrayList<>();

        /**
         * Finds the files that are not at their numbers among all descriptions.
         *
         * @param tables in the order of the tree
         * @param entries the entries of the dump: where the file is in the instance's own table,
         *     the entry names that number, so that a reader without our image watches the file
         */
        void resolve(List<Described> all, List<Table> tables, List<file_entry> entries) {
            for (Map.Entry<Integer, OpenFile> one : instances.entrySet()) {
                int id = one.getKey();
                Table home = tables.stream().filter(t -> t.holds(id)).findFirst().orElseThrow();
                for (Watch watch : watches(one.getValue())) {
                    if (!watch.isOn(home.pid, watch.tfd.tfd())) {
                        add(id, watch, home, all, entries);
                    }
                }
            }
            instances.clear();
        }

        private void add(
                int epollId,
                Watch watch,
                Table home,
                List<Described> all,
                List<file_entry> entries) {
            Described at = null;
            for (Described description : all) {
                if (watch.isOn(description.pid, description.fd)) {
                    at = description;
                    break;
                }
            }
            if (at == null) {
                throw watch.refuse();
            }
            found.add(
                    jcriu_epoll_watch
                            .newBuilder()
                            .setEpollId(epollId)
                            .setIndex(watch.index)
                            .setTfd(watch.tfd.tfd())
                            .setFileId(at.id)
                            .build());
            for (fdinfo_entry fd : home.fds) {
                if (fd.getId() == at.id) {
                    entries.replaceAll(
                            e -> e.getId() == epollId ? renumber(e, watch, fd.getFd()) : e);
                    break;
                }
            }
        }

        private static file_entry renumber(file_entry entry, Watch watch, int number) {
            file_entry.Builder changed = entry.toBuilder();
            changed.getEpfdBuilder().getTfdBuilder(watch.index).setTfd(number);
            return changed.build();
        }

        void write(ImageDir images) {
            if (!found.isEmpty()) {
                try (ImageWriter out = images.writer(ImageType.JCRIU_EPOLL)) {
                    found.forEach(out::write);
                }
            }
        }
    }

    static file_entry dump(int id, OpenFile file, Moved moved) {
        eventpoll_file_entry.Builder entry =
                eventpoll_file_entry
                        .newBuilder()
                        .setId(id)
                        .setFlags(file.flags())
                        .setFown(file.fown());
        for (Watch watch : watches(file)) {
            Fdinfo.Tfd tfd = watch.tfd;
            entry.addTfd(
                    eventpoll_tfd_entry
                            .newBuilder()
                            .setId(0)
                            .setTfd(tfd.tfd())
                            .setEvents(tfd.events())
                            .setData(tfd.data())
                            .setDev(tfd.sdev())
                            .setInode(tfd.ino())
                            .setPos(tfd.pos()));
        }
        moved.instances.put(id, file);
        return file_entry.newBuilder().setType(fd_types.EVENTPOLL).setId(id).setEpfd(entry).build();
    }

    // ------------------------------------------------------------------ restore

    static Fd restore() {
        return new Fd(
                Native.check(Native.call(Syscall.EPOLL_CREATE1, O_CLOEXEC), "epoll_create1"),
                "epoll");
    }

    /** The watches of a restore. */
    static final class Restored {
        private final Map<Integer, Map<Integer, jcriu_epoll_watch>> moved = new LinkedHashMap<>();
        private final Set<Integer> done = new HashSet<>();
        private boolean movedDone;

        Restored(ImageDir images) {
            try (ImageReader in = images.reader(ImageType.JCRIU_EPOLL)) {
                for (jcriu_epoll_watch watch : in.readAll(jcriu_epoll_watch.parser())) {
                    moved.computeIfAbsent(watch.getEpollId(), id -> new LinkedHashMap<>())
                            .put(watch.getIndex(), watch);
                }
            }
        }

        /**
         * Adds the watches whose file is not at its number, in the first task: its table is empty,
         * so that every number is free.
         *
         * @param open our descriptor of a file of the images
         */
        void restoreMoved(
                IntFunction<eventpoll_file_entry> entries,
                IntFunction<Fd> open,
                RemoteBatch batch,
                Runnable flush) {
            if (movedDone || moved.isEmpty()) {
                return;
            }
            movedDone = true;
            int high = 3;
            for (Map<Integer, jcriu_epoll_watch> watches : moved.values()) {
                for (jcriu_epoll_watch watch : watches.values()) {
                    high = Math.max(high, watch.getTfd() + 1);
                }
            }
            batch.add("reach jcriu", Syscall.PIDFD_OPEN, ProcessHandle.current().pid(), 0);
            batch.add("reach jcriu", Syscall.DUP3, 0, high, O_CLOEXEC);
            batch.add("", Syscall.CLOSE, 0);
            for (Map.Entry<Integer, Map<Integer, jcriu_epoll_watch>> one : moved.entrySet()) {
                List<eventpoll_tfd_entry> tfds = entries.apply(one.getKey()).getTfdList();
                for (jcriu_epoll_watch watch : one.getValue().values()) {
                    if (!batch.fits(8, 32)) {
                        flush.run();
                    }
                    if (watch.getIndex() < 0 || watch.getIndex() >= tfds.size()) {
                        throw new ImageFormatException(
                                ImageType.JCRIU_EPOLL.fileName(),
                                -1,
                                "epoll file " + one.getKey() + " has no watch " + watch.getIndex());
                    }
                    int number = watch.getTfd();
                    Fd target = open.apply(watch.getFileId());
                    Fd epoll = open.apply(one.getKey());
                    batch.add(
                            "take what is watched", Syscall.PIDFD_GETFD, high, target.number(), 0);
                    if (number != 0) {
                        batch.add("place what is watched", Syscall.DUP3, 0, number, O_CLOEXEC);
                        batch.add("", Syscall.CLOSE, 0);
                    }
                    int at = number == 0 ? 1 : 0;
                    batch.add("take an epoll", Syscall.PIDFD_GETFD, high, epoll.number(), 0);
                    eventpoll_tfd_entry tfd = tfds.get(watch.getIndex());
                    control(EPOLL_CTL_ADD, at, number, tfd.getEvents(), tfd.getData(), batch);
                    batch.add("", Syscall.CLOSE, at);
                    batch.add("", Syscall.CLOSE, number);
                }
            }
            batch.add("", Syscall.CLOSE, high);
            flush.run();
        }

        /**
         * Adds the other watches of an instance, once, in a task that has it at {@code fd} and has
         * the watched files.
         *
         * <p>A one-shot watch that has fired is armed for errors and hang-ups by whatever
         * epoll_ctl(2) does to it. So it is made to fire: its file is ready for something, as a
         * rule. One whose file is not stays armed for errors and hang-ups.
         */
        void restoreWatches(
                int id,
                eventpoll_file_entry entry,
                int fd,
                Fd ours,
                RemoteBatch batch,
                Runnable flush) {
            if (!done.add(id)) {
                return;
            }
            Map<Integer, jcriu_epoll_watch> elsewhere = moved.getOrDefault(id, Map.of());
            List<eventpoll_tfd_entry> fired = new ArrayList<>();
            List<eventpoll_tfd_entry> others = new ArrayList<>();
            for (int i = 0; i < entry.getTfdCount(); i++) {
                eventpoll_tfd_entry tfd = entry.getTfd(i);
                if (elsewhere.containsKey(i)) {
                    continue;
                }
                boolean hasFired =
                        (tfd.getEvents() & EPOLLONESHOT) != 0
                                && (tfd.getEvents() & ~NO_EVENTS) == 0;
                (hasFired && elsewhere.isEmpty() ? fired : others).add(tfd);
            }
            if (!fired.isEmpty()) {
                fireAgain(fired, fd, ours, batch, flush);
            }
            for (eventpoll_tfd_entry tfd : others) {
                if (!batch.fits(1, 32)) {
                    flush.run();
                }
                control(EPOLL_CTL_ADD, fd, tfd.getTfd(), tfd.getEvents(), tfd.getData(), batch);
            }
        }

        private static void fireAgain(
                List<eventpoll_tfd_entry> fired,
                int fd,
                Fd ours,
                RemoteBatch batch,
                Runnable flush) {
            for (eventpoll_tfd_entry tfd : fired) {
                if (!batch.fits(2, 64)) {
                    flush.run();
                }
                int events = tfd.getEvents() | ANY_EVENT;
                control(EPOLL_CTL_ADD, fd, tfd.getTfd(), events, tfd.getData(), batch);
                batch.tolerate(Syscall.EPOLL_PWAIT, fd, batch.data(16), 1, 0, 0, 8);
            }
            flush.run();
            Set<Integer> armed = new HashSet<>();
            for (Fdinfo.Tfd now :
                    Fdinfo.read((int) ProcessHandle.current().pid(), ours.number()).tfds()) {
                if ((now.events() & ~NO_EVENTS) != 0) {
                    armed.add(now.tfd());
                }
            }
            for (eventpoll_tfd_entry tfd : fired) {
                if (armed.contains(tfd.getTfd())) {
                    if (!batch.fits(1, 32)) {
                        flush.run();
                    }
                    control(EPOLL_CTL_MOD, fd, tfd.getTfd(), tfd.getEvents(), tfd.getData(), batch);
                }
            }
        }

        private static void control(
                int operation, int fd, int tfd, int events, long data, RemoteBatch batch) {
            // struct epoll_event is packed on x86-64: u32 events, u64 data
            long event = batch.data(16);
            batch.putInt(event, events);
            batch.putInt(event + 4, (int) data);
            batch.putInt(event + 8, (int) (data >>> 32));
            batch.add(
                    "watch fd " + tfd + " by epoll fd " + fd,
                    Syscall.EPOLL_CTL,
                    fd,
                    operation,
                    tfd,
                    event);
        }
    }
}
