package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.fh_entry;
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
 * What inotify(7) and fanotify(7) have in common: files that are watched.
 *
 * <p>fdinfo names what is watched by a file handle, open_by_handle_at(2). The path is found through
 * it; a file that has no path any more, or no handle that can be opened, is found among the open
 * files of the tree.
 */
final class Fsnotify {
    private static final int FH_WORDS = 16;

    private Fsnotify() {}

    /** The fields of a line of fdinfo: {@code inotify wd:1 ino:2 sdev:3 ...}, all hexadecimal. */
    record Line(Map<String, String> fields) {
        static Line parse(String line) {
            Map<String, String> fields = new HashMap<>();
            for (String word : line.split(" ")) {
                int colon = word.indexOf(':');
                if (colon > 0) {
                    fields.put(word.substring(0, colon), word.substring(colon + 1));
                }
            }
            return new Line(fields);
        }

        boolean has(String name) {
            return fields.containsKey(name);
        }

        long hex(String name) {
            return Long.parseUnsignedLong(fields.getOrDefault(name, "0"), 16);
        }

        private byte[] bytes(String name) {
            String text = fields.getOrDefault(name, "");
            byte[] bytes = new byte[text.length() / 2];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
            }
            return bytes;
        }
    }

    /**
     * A file that is watched.
     *
     * @param what of {@code file}, for messages: {@code an inotify instance whose watch 3}
     * @param number of the watch or mark in its instance
     */
    record Mark(
            OpenFile file,
            String what,
            int number,
            long ino,
            long dev,
            int handleType,
            byte[] handle) {
        static Mark of(OpenFile file, String what, int number, Line line) {
            return new Mark(
                    file,
                    what,
                    number,
                    line.hex("ino"),
                    line.hex("sdev"),
                    (int) line.hex("fhandle-type"),
                    line.bytes("f_handle"));
        }

        private boolean isOf(FileStat stat) {
            return stat.dev() == dev && stat.ino() == ino;
        }

        UnsupportedStateException refuse(String why) {
            return (UnsupportedStateException)
                    new UnsupportedStateException(file.subject() + " is " + what + " " + why)
                            .withHint("remove it; see docs/limits.md#inotify");
        }

        private UnsupportedStateException lost() {
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
        static Place of(Mark mark, MountInfo mounts) {
            try (Fd file = openHandle(mark.dev, mark.handleType, mark.handle, mounts)) {
                if (file == null) {
                    return new Place(null, false);
                }
                FileStat stat = FileStat.of("/proc/self/fd/" + file.number());
                if (stat.nlink() == 0 || stat.ino() != mark.ino) {
                    return new Place(null, false);
                }
                String path = ProcFs.readlink("/proc/self/fd/" + file.number());
                FileStat there = path.startsWith("/") ? FileStat.tryOf(path) : null;
                boolean same = there != null && there.sameFile(stat);
                return new Place(same ? path : null, true);
            }
        }
    }

    /** Bytes of events that can be read. */
    static int waiting(Fd instance) {
        try (NativeMemory word = NativeMemory.allocate(8)) {
            Native.check(
                    Native.call(Syscall.IOCTL, instance.number(), FIONREAD, word.address()),
                    "events of " + instance.name());
            return word.getInt(0);
        }
    }

    // ------------------------------------------------------------------ dump

    /** The watched files of a dump. */
    static final class Watched {
        private final List<Mark> unreachable = new ArrayList<>();
        private final Map<Mark, Integer> lost = new LinkedHashMap<>();
        private MountInfo mounts;

        /** Our mounts are the tree's; a task below a chroot would not see all of them. */
        synchronized MountInfo mounts() {
            if (mounts == null) {
                mounts = MountInfo.read((int) ProcessHandle.current().pid());
            }
            return mounts;
        }

        /** Looks at a watch of a running task. */
        void check(Mark mark) {
            if (!Place.of(mark, mounts()).reachable) {
                unreachable.add(mark);
            }
        }

        /** Refuses what no task of the tree has open; called when all have been checked. */
        void checkAmong(Iterable<Integer> pids) {
            for (Mark mark : unreachable) {
                if (!isOpenIn(mark, pids)) {
                    throw mark.lost();
                }
            }
        }

        private static boolean isOpenIn(Mark mark, Iterable<Integer> pids) {
            for (int pid : pids) {
                try {
                    for (int fd : ProcFs.fds(pid)) {
                        FileStat stat = FileStat.tryOf("/proc/" + pid + "/fd/" + fd);
                        if (stat != null && mark.isOf(stat)) {
                            return true;
                        }
                    }
                } catch (jcriu.errors.TaskGoneException e) {
                    continue;
                }
            }
            return false;
        }

        /** The handle of a file, with its path if it has one; one that is lost is looked for. */
        fh_entry.Builder dump(int id, Mark mark) {
            Place place = Place.of(mark, mounts());
            if (!place.reachable) {
                lost.put(mark, id);
            }
            fh_entry.Builder handle =
                    fh_entry.newBuilder().setBytes(mark.handle.length).setType(mark.handleType);
            ByteBuffer words =
                    ByteBuffer.allocate(Math.max(FH_WORDS * 8, mark.handle.length + 7 & -8))
                            .order(ByteOrder.LITTLE_ENDIAN);
            words.put(mark.handle).rewind();
            while (words.hasRemaining()) {
                handle.addHandle(words.getLong());
            }
            if (place.path != null) {
                handle.setPath(place.path);
            }
            return handle;
        }

        /** Finds lost files among all descriptions. */
        void resolve(List<Eventpoll.Described> all, FileExtras extras) {
            for (Map.Entry<Mark, Integer> one : lost.entrySet()) {
                Mark mark = one.getKey();
                int found = 0;
                for (Eventpoll.Described file : all) {
                    FileStat stat = FileStat.tryOf("/proc/" + file.pid() + "/fd/" + file.fd());
                    if (stat != null && mark.isOf(stat)) {
                        found = file.id();
                        break;
                    }
                }
                if (found == 0) {
                    throw mark.lost();
                }
                extras.of(one.getValue())
                        .addWatches(
                                jcriu_inotify_watch
                                        .newBuilder()
                                        .setWd(mark.number)
                                        .setFileId(found));
            }
        }
    }

    // ------------------------------------------------------------------ restore

    /**
     * The files that were lost, by the number of their watch.
     *
     * @param extras our own part of the instance, or null
     */
    static Map<Integer, Integer> found(jcriu_file extras) {
        Map<Integer, Integer> byNumber = new HashMap<>();
        if (extras != null) {
            for (jcriu_inotify_watch watch : extras.getWatchesList()) {
                byNumber.put(watch.getWd(), watch.getFileId());
            }
        }
        return byNumber;
    }

    /**
     * Hands over a watched file. It is opened by path only, which is no event.
     *
     * @param id of the file, if it was lost; or null
     * @param open our descriptor of a file of the images
     * @param what watches it, for messages
     */
    static void with(
            fh_entry handle,
            long ino,
            int dev,
            Integer id,
            IntFunction<Fd> open,
            String what,
            Consumer<Fd> use) {
        if (id != null) {
            use.accept(open.apply(id));
            return;
        }
        try (Fd file = handle.hasPath() ? byPath(handle.getPath(), what) : byHandle(handle, dev)) {
            if (file == null) {
                throw gone("the file of " + what + ", inode " + ino + ", is gone");
            }
            use.accept(file);
        }
    }

    private static Fd byPath(String path, String what) {
        long r = Fd.tryOpen(path, O_PATH | O_NOFOLLOW, 0);
        if (Native.failed(r)) {
            throw gone("the file of " + what + ", " + path + ": " + Errno.ofResult(r).describe());
        }
        return new Fd(r, path);
    }

    private static Fd byHandle(fh_entry entry, int dev) {
        ByteBuffer words =
                ByteBuffer.allocate(8 * entry.getHandleCount()).order(ByteOrder.LITTLE_ENDIAN);
        entry.getHandleList().forEach(words::putLong);
        byte[] handle = new byte[Math.min(words.capacity(), entry.getBytes())];
        words.rewind().get(handle);
        MountInfo mounts = MountInfo.read((int) ProcessHandle.current().pid());
        return openHandle(dev & 0xffffffffL, entry.getType(), handle, mounts);
    }

    static JcriuException gone(String what) {
        return new JcriuException(Kind.RESTORE_REFUSED, what)
                .withHint("put the file back as it was at the dump");
    }
}
