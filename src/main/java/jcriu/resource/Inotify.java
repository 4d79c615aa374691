package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.inotify_file_entry;
import jcriu.image.proto.inotify_wd_entry;
import jcriu.image.proto.jcriu_file;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * inotify(7): watches, under their numbers.
 *
 * <p>Events that wait to be read cannot be looked at without taking them, and cannot be made again.
 * An instance that had some gets IN_Q_OVERFLOW instead, which tells the program that events were
 * lost. Events that the restore itself causes are not seen.
 */
final class Inotify {
    /** A number is reached by making and removing watches up to it. */
    private static final int HIGHEST_WD = 1 << 20;

    private static final int EVENT_BYTES = 16;
    private static final int DRAIN_EVERY = 4096;
    private static final int DRAIN_BYTES = 64 << 10;
    private static final int DEFAULT_QUEUE = 16384;

    private Inotify() {}

    private static Fsnotify.Mark watch(OpenFile file, Fsnotify.Line line) {
        int wd = (int) line.hex("wd");
        return Fsnotify.Mark.of(file, "an inotify instance whose watch " + wd, wd, line);
    }

    // ------------------------------------------------------------------ dump

    /** Looks at an instance of a running task. */
    static void check(OpenFile file, Fsnotify.Watched watched) {
        for (String text : file.info().inotify()) {
            Fsnotify.Mark watch = watch(file, Fsnotify.Line.parse(text));
            if (watch.number() > HIGHEST_WD) {
                throw watch.refuse("has a number above " + HIGHEST_WD);
            }
            watched.check(watch);
        }
    }

    static file_entry dump(int id, OpenFile file, Fsnotify.Watched watched, FileExtras extras) {
        inotify_file_entry.Builder entry =
                inotify_file_entry
                        .newBuilder()
                        .setId(id)
                        .setFlags(file.flags())
                        .setFown(file.fown());
        for (String text : file.info().inotify()) {
            Fsnotify.Line line = Fsnotify.Line.parse(text);
            Fsnotify.Mark watch = watch(file, line);
            entry.addWd(
                    inotify_wd_entry
                            .newBuilder()
                            .setId(id)
                            .setIIno(watch.ino())
                            .setMask((int) line.hex("mask"))
                            .setIgnoredMask(0)
                            .setSDev((int) watch.dev())
                            .setWd(watch.number())
                            .setFHandle(watched.dump(id, watch)));
        }
        try (Fd ours = Fd.take(file.pid(), file.fd())) {
            if (Fsnotify.waiting(ours) > 0) {
                extras.of(id).setEventsLost(true);
            }
        }
        return file_entry.newBuilder().setType(fd_types.INOTIFY).setId(id).setIfy(entry).build();
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
                ids.addAll(Fsnotify.found(instance.extras).values());
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
                Map<Integer, Integer> found = Fsnotify.found(instance.extras);
                List<inotify_wd_entry> sorted = new ArrayList<>(instance.entry.getWdList());
                sorted.sort(Comparator.comparingInt(inotify_wd_entry::getWd));
                for (inotify_wd_entry watch : sorted) {
                    Fsnotify.with(
                            watch.getFHandle(),
                            watch.getIIno(),
                            watch.getSDev(),
                            found.get(watch.getWd()),
                            open,
                            "inotify watch " + watch.getWd(),
                            file -> add(instance.fd, watch, file));
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

        private static void add(Fd instance, inotify_wd_entry watch, Fd file) {
            int wanted = watch.getWd();
            int mask = watch.getMask() & (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT);
            if (wanted < 0 || wanted > HIGHEST_WD) {
                throw new jcriu.errors.ImageFormatException(
                        "files.img", -1, "inotify watch " + wanted + " is impossible");
            }
            try (NativeMemory name = NativeMemory.cString(file.procPath())) {
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
                        throw refuse(file.name(), wanted, wd);
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
            return Fsnotify.gone("cannot watch " + path + " by inotify: " + why);
        }

        private static void drain(Fd instance) {
            try (NativeMemory buffer = NativeMemory.allocate(DRAIN_BYTES)) {
                while (Fsnotify.waiting(instance) > 0) {
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
            int before = Fsnotify.waiting(instance) - EVENT_BYTES;
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
