package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.fh_entry;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.inotify_file_entry;
import jcriu.image.proto.inotify_wd_entry;
import jcriu.image.proto.jcriu_file;
import jcriu.image.proto.jcriu_inotify_watch;
import jcriu.kernel.Syscall;
import jcriu.proc.MountInfo;
import jcriu.proc.ProcFs;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * inotify(7): watches, under their numbers.
 *
 * <p>fdinfo names what is watched by a file handle, open_by_handle_at(2). The path is found through
 * it; a file that has no path any more, or no handle that can be opened, is found among the open
 * files of the tree.
 *
 * <p>Events that wait to be read cannot be looked at without taking them, and cannot be made again.
 * An instance that had some gets IN_Q_OVERFLOW instead, which tells the program that events were
 * lost. Events that the restore itself causes are not seen.
 */
final class Inotify {
    /** A number is reached by making and removing watches up to it. */
    private static final int HIGHEST_WD = 1 << 20;

    private static final int FH_WORDS = 16;
    private static final int EVENT_BYTES = 16;
    private static final int DRAIN_EVERY = 4096;
    private static final int DRAIN_BYTES = 64 << 10;
    private static final int DEFAULT_QUEUE = 16384;

    private Inotify() {}

    /** A line of fdinfo. */
    private record Watch(
            OpenFile instance,
            int wd,
            long ino,
            long dev,
            int mask,
            int handleType,
            byte[] handle) {
        static Watch parse(OpenFile instance, String line) {
            Map<String, String> fields = new HashMap<>();
            for (String word : line.split(" ")) {
                int colon = word.indexOf(':');
                if (colon > 0) {
                    fields.put(word.substring(0, colon), word.substring(colon + 1));
                }
            }
            String text = fields.getOrDefault("f_handle", "");
            byte[] handle = new byte[text.length() / 2];
            for (int i = 0; i < handle.length; i++) {
                handle[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
            }
            return new Watch(
                    instance,
                    (int) hex(fields, "wd"),
                    hex(fields, "ino"),
                    hex(fields, "sdev"),
                    (int) hex(fields, "mask"),
                    (int) hex(fields, "fhandle-type"),
                    handle);
        }

        private static long hex(Map<String, String> fields, String name) {
            return Long.parseUnsignedLong(fields.getOrDefault(name, "0"), 16);
        }

        boolean isOf(FileStat stat) {
            return stat.dev() == dev && stat.ino() == ino;
        }

        UnsupportedStateException refuse(String what) {
            return (UnsupportedStateException)
                    new UnsupportedStateException(
                                    instance.subject()
                                            + " is an inotify instance whose watch "
                                            + wd
                                            + " "
                                            + what)
                            .withHint("remove the watch; see docs/limits.md#inotify");
        }

        UnsupportedStateException lost() {
            return refuse(
                    "is of inode "
                            + ino
                            + " on device "
                            + (dev >> 20)
                            + ":"
                            + (dev & 0xfffff)
                            + ", which has no path that can be found");
        }
    }

    private static List<Watch> watches(OpenFile file) {
        List<Watch> watches = new ArrayList<>();
        for (String line : file.info().inotify()) {
            watches.add(Watch.parse(file, line));
        }
        return watches;
    }

    // ------------------------------------------------------------------ handles

    /** Opens what a handle names; null where this filesystem or our privileges do not allow it. */
    private static Fd openHandle(long dev, int type, byte[] handle, MountInfo mounts) {
        for (MountInfo.Mount mount : mounts.mounts()) {
            if (((long) mount.devMajor() << 20 | mount.devMinor()) != dev) {
                continue;
            }
            // opened by path only: no event of ours for who watches the root of the mount
            for (int flags : new int[] {O_PATH, O_RDONLY | O_NONBLOCK}) {
                long root = Fd.tryOpen(mount.mountPoint(), flags, 0);
                if (Native.failed(root)) {
                    break;
                }
                try (Fd at = new Fd(root, mount.mountPoint());
                        NativeMemory words = NativeMemory.allocate(8L + handle.length)) {
                    words.putInt(0, handle.length);
                    words.putInt(4, type);
                    words.put(8, handle);
                    long r =
                            Native.call(
                                    Syscall.OPEN_BY_HANDLE_AT,
                                    at.number(),
                                    words.address(),
                                    O_PATH | O_CLOEXEC);
                    if (!Native.failed(r)) {
                        return new Fd(r, "watched file");
                    }
                    if (r != -Errno.EBADF.number()) {
                        break;
                    }
                }
            }
        }
        return null;
    }

    /**
     * Where a watched file is.
     *
     * @param path its path, or null
     * @param reachable whether its handle can be opened, and it has a name
     */
    private record Place(String path, boolean reachable) {
        static Place of(Watch watch, MountInfo mounts) {
            try (Fd file = openHandle(watch.dev, watch.handleType, watch.handle, mounts)) {
                if (file == null) {
                    return new Place(null, false);
                }
                FileStat stat = FileStat.of("/proc/self/fd/" + file.number());
                if (stat.nlink() == 0 || stat.ino() != watch.ino) {
                    return new Place(null, false);
                }
                String path = ProcFs.readlink("/proc/self/fd/" + file.number());
                FileStat there = path.startsWith("/") ? FileStat.tryOf(path) : null;
                boolean same = there != null && there.sameFile(stat);
                return new Place(same ? path : null, true);
            }
        }
    }

    // ------------------------------------------------------------------ dump

    /** Watches of a dump whose file was not found by its handle. */
    static final class Lost {
        private final Map<Watch, Integer> watches = new LinkedHashMap<>();
        private MountInfo mounts;

        private synchronized Place place(Watch watch) {
            if (mounts == null) {
                mounts = MountInfo.read(watch.instance.pid());
            }
            return Place.of(watch, mounts);
        }

        /** Looks at an instance of a running task. */
        void check(OpenFile file) {
            for (Watch watch : watches(file)) {
                if (watch.wd > HIGHEST_WD) {
                    throw watch.refuse("has a number above " + HIGHEST_WD);
                }
                if (!place(watch).reachable) {
                    watches.put(watch, 0);
                }
            }
        }

        /** Refuses what no task of the tree has open; called when all have been checked. */
        void checkAmong(Iterable<Integer> pids) {
            for (Watch watch : watches.keySet()) {
                if (!isOpenIn(watch, pids)) {
                    throw watch.lost();
                }
            }
        }

        private static boolean isOpenIn(Watch watch, Iterable<Integer> pids) {
            for (int pid : pids) {
                try {
                    for (int fd : ProcFs.fds(pid)) {
                        FileStat stat = FileStat.tryOf("/proc/" + pid + "/fd/" + fd);
                        if (stat != null && watch.isOf(stat)) {
                            return true;
                        }
                    }
                } catch (jcriu.errors.TaskGoneException e) {
                    continue;
                }
            }
            return false;
        }

        /** Finds the files among all descriptions. */
        void resolve(List<Eventpoll.Described> all, FileExtras extras) {
            for (Map.Entry<Watch, Integer> one : watches.entrySet()) {
                Watch watch = one.getKey();
                int found = 0;
                for (Eventpoll.Described file : all) {
                    FileStat stat = FileStat.tryOf("/proc/" + file.pid() + "/fd/" + file.fd());
                    if (stat != null && watch.isOf(stat)) {
                        found = file.id();
                        break;
                    }
                }
                if (found == 0) {
                    throw watch.lost();
                }
                extras.of(one.getValue())
                        .addWatches(
                                jcriu_inotify_watch.newBuilder().setWd(watch.wd).setFileId(found));
            }
        }
    }

    static file_entry dump(int id, OpenFile file, Lost lost, FileExtras extras) {
        inotify_file_entry.Builder entry =
                inotify_file_entry
                        .newBuilder()
                        .setId(id)
                        .setFlags(file.flags())
                        .setFown(file.fown());
        for (Watch watch : watches(file)) {
            Place place = lost.place(watch);
            if (!place.reachable) {
                lost.watches.put(watch, id);
            }
            fh_entry.Builder handle =
                    fh_entry.newBuilder().setBytes(watch.handle.length).setType(watch.handleType);
            ByteBuffer words =
                    ByteBuffer.allocate(Math.max(FH_WORDS * 8, watch.handle.length + 7 & -8))
                            .order(ByteOrder.LITTLE_ENDIAN);
            words.put(watch.handle).rewind();
            while (words.hasRemaining()) {
                handle.addHandle(words.getLong());
            }
            if (place.path != null) {
                handle.setPath(place.path);
            }
            entry.addWd(
                    inotify_wd_entry
                            .newBuilder()
                            .setId(id)
                            .setIIno(watch.ino)
                            .setMask(watch.mask)
                            .setIgnoredMask(0)
                            .setSDev((int) watch.dev)
                            .setWd(watch.wd)
                            .setFHandle(handle));
        }
        try (Fd ours = Fd.take(file.pid(), file.fd())) {
            if (waiting(ours) > 0) {
                extras.of(id).setEventsLost(true);
            }
        }
        return file_entry.newBuilder().setType(fd_types.INOTIFY).setId(id).setIfy(entry).build();
    }

    /** Bytes of events that can be read. */
    private static int waiting(Fd instance) {
        try (NativeMemory word = NativeMemory.allocate(8)) {
            Native.check(
                    Native.call(Syscall.IOCTL, instance.number(), FIONREAD, word.address()),
                    "events of " + instance.name());
            return word.getInt(0);
        }
    }

    // ------------------------------------------------------------------ restore

    /** The instances of a restore; they get their watches last of all. */
    static final class Restored {
        private record Instance(inotify_file_entry entry, jcriu_file extras, Fd fd) {}

        private final List<Instance> instances = new ArrayList<>();

        /**
         * Makes an instance without watches.
         *
         * @param extras our own part, or null
         */
        Fd restore(inotify_file_entry entry, jcriu_file extras) {
            Fd fd =
                    new Fd(
                            Native.check(
                                    Native.call(
                                            Syscall.INOTIFY_INIT1,
                                            entry.getFlags() & O_NONBLOCK | O_CLOEXEC),
                                    "inotify_init1"),
                            "inotify");
            instances.add(new Instance(entry, extras, fd));
            return fd;
        }

        /** Files that must stay open until the watches are there. */
        List<Integer> needed() {
            List<Integer> ids = new ArrayList<>();
            for (Instance instance : instances) {
                ids.add(instance.entry.getId());
                if (instance.extras != null) {
                    for (jcriu_inotify_watch watch : instance.extras.getWatchesList()) {
                        ids.add(watch.getFileId());
                    }
                }
            }
            return ids;
        }

        /**
         * Adds all watches.
         *
         * @param open our descriptor of a file of the images
         */
        void restoreWatches(IntFunction<Fd> open) {
            for (Instance instance : instances) {
                Map<Integer, Integer> byId = new HashMap<>();
                if (instance.extras != null) {
                    for (jcriu_inotify_watch watch : instance.extras.getWatchesList()) {
                        byId.put(watch.getWd(), watch.getFileId());
                    }
                }
                List<inotify_wd_entry> sorted = new ArrayList<>(instance.entry.getWdList());
                sorted.sort(Comparator.comparingInt(inotify_wd_entry::getWd));
                for (inotify_wd_entry watch : sorted) {
                    Integer id = byId.get(watch.getWd());
                    if (id != null) {
                        add(instance.fd, watch, open.apply(id).procPath());
                    } else if (watch.getFHandle().hasPath()) {
                        add(instance.fd, watch, watch.getFHandle().getPath());
                    } else {
                        addByHandle(instance.fd, watch);
                    }
                }
            }
        }

        /** Forgets the events that we caused; called when all else is done. */
        void forgetEvents() {
            for (Instance instance : instances) {
                drain(instance.fd);
                if (instance.extras != null && instance.extras.getEventsLost()) {
                    overflow(instance.fd);
                }
            }
        }

        private static void addByHandle(Fd instance, inotify_wd_entry watch) {
            ByteBuffer words =
                    ByteBuffer.allocate(8 * watch.getFHandle().getHandleCount())
                            .order(ByteOrder.LITTLE_ENDIAN);
            watch.getFHandle().getHandleList().forEach(words::putLong);
            byte[] handle = new byte[Math.min(words.capacity(), watch.getFHandle().getBytes())];
            words.rewind().get(handle);
            MountInfo mounts = MountInfo.read((int) ProcessHandle.current().pid());
            long dev = watch.getSDev() & 0xffffffffL;
            try (Fd file = openHandle(dev, watch.getFHandle().getType(), handle, mounts)) {
                if (file == null) {
                    throw new JcriuException(
                                    Kind.RESTORE_REFUSED,
                                    "the file of inotify watch "
                                            + watch.getWd()
                                            + ", inode "
                                            + watch.getIIno()
                                            + ", is gone")
                            .withHint("restore where the filesystem of the dump is mounted");
                }
                add(instance, watch, file.procPath());
            }
        }

        private static void add(Fd instance, inotify_wd_entry watch, String path) {
            int wanted = watch.getWd();
            int mask = watch.getMask() & (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT);
            if (wanted < 0 || wanted > HIGHEST_WD) {
                throw new jcriu.errors.ImageFormatException(
                        "files.img", -1, "inotify watch " + wanted + " is impossible");
            }
            try (NativeMemory name = NativeMemory.cString(path)) {
                for (int i = 1; ; i++) {
                    long wd =
                            Native.call(
                                    Syscall.INOTIFY_ADD_WATCH,
                                    instance.number(),
                                    name.address(),
                                    (mask | IN_MASK_CREATE) & 0xffffffffL);
                    if (wd == wanted) {
                        return;
                    }
                    if (Native.failed(wd) || wd > wanted) {
                        throw refuse(path, wanted, wd);
                    }
                    Native.call(Syscall.INOTIFY_RM_WATCH, instance.number(), wd);
                    if (i % DRAIN_EVERY == 0) {
                        drain(instance);
                    }
                }
            }
        }

        private static JcriuException refuse(String path, int wanted, long wd) {
            String why =
                    wd == -Errno.EEXIST.number()
                            ? "it is the same file as another watch's now"
                            : Native.failed(wd)
                                    ? Errno.ofResult(wd).describe()
                                    : "number " + wanted + " is used up";
            return new JcriuException(
                            Kind.RESTORE_REFUSED, "cannot watch " + path + " by inotify: " + why)
                    .withHint("put the file back as it was at the dump");
        }

        private static void drain(Fd instance) {
            try (NativeMemory buffer = NativeMemory.allocate(DRAIN_BYTES)) {
                while (waiting(instance) > 0) {
                    Native.check(
                            Native.call(
                                    Syscall.READ, instance.number(), buffer.address(), DRAIN_BYTES),
                            "read our events");
                }
            }
        }

        /**
         * Leaves one event, IN_Q_OVERFLOW: two files of ours are changed in turns until the queue
         * is full, and all but the last event are read. The queue takes no more then, so that the
         * end of the two watches is not seen either.
         */
        private static void overflow(Fd instance) {
            int limit = queueLimit();
            try (Fd one = memfd();
                    Fd two = memfd()) {
                int first = watch(instance, one);
                int second = watch(instance, two);
                for (int i = 0; i <= limit; i++) {
                    // the mode, for Linux 6.14 and later tell nothing of writes to a memfd
                    Fd file = i % 2 == 0 ? one : two;
                    Native.check(
                            Native.call(Syscall.FCHMOD, file.number(), 0600), "fchmod a memfd");
                }
                Native.call(Syscall.INOTIFY_RM_WATCH, instance.number(), first);
                Native.call(Syscall.INOTIFY_RM_WATCH, instance.number(), second);
            }
            int before = waiting(instance) - EVENT_BYTES;
            try (NativeMemory buffer = NativeMemory.allocate(Math.max(before, EVENT_BYTES))) {
                Native.check(
                        Native.call(Syscall.READ, instance.number(), buffer.address(), before),
                        "read our events");
            }
        }

        private static Fd memfd() {
            try (NativeMemory name = NativeMemory.cString("jcriu-inotify")) {
                return new Fd(
                        Native.check(
                                Native.call(Syscall.MEMFD_CREATE, name.address(), MFD_CLOEXEC),
                                "memfd_create"),
                        "a file to overflow inotify");
            }
        }

        private static int watch(Fd instance, Fd file) {
            try (NativeMemory name = NativeMemory.cString(file.procPath())) {
                return (int)
                        Native.check(
                                Native.call(
                                        Syscall.INOTIFY_ADD_WATCH,
                                        instance.number(),
                                        name.address(),
                                        IN_ATTRIB),
                                "watch a file of ours");
            }
        }

        private static int queueLimit() {
            String path = "/proc/sys/fs/inotify/max_queued_events";
            try {
                String text = new String(ProcFs.read(path), StandardCharsets.US_ASCII);
                return Integer.parseInt(text.strip());
            } catch (jcriu.errors.SyscallException e) {
                return DEFAULT_QUEUE;
            }
        }
    }
}
