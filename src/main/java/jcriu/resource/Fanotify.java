package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import jcriu.errors.Errno;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.fanotify_file_entry;
import jcriu.image.proto.fanotify_inode_mark_entry;
import jcriu.image.proto.fanotify_mark_entry;
import jcriu.image.proto.fanotify_mount_mark_entry;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.jcriu_file;
import jcriu.image.proto.mark_type;
import jcriu.kernel.Syscall;
import jcriu.proc.Fdinfo;
import jcriu.proc.MountInfo;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * fanotify(7): a group, with its marks on inodes and on mounts. fdinfo has a line for the group,
 * and one for each mark:
 *
 * <pre>
 * fanotify flags:3 event-flags:8000
 * fanotify ino:20c7ab sdev:fe00000 mflags:40 mask:28 ignored_mask:2 fhandle-bytes:8 ...
 * fanotify mnt_id:1b mflags:0 mask:8 ignored_mask:0
 * fanotify sdev:fe00000 mflags:0 mask:2 ignored_mask:0      (a filesystem's)
 * </pre>
 *
 * <p>Groups that are asked for permission are refused: while their listener is stopped, whoever
 * opens a marked file waits for it, and that may be us.
 *
 * <p>Events that wait to be read cannot be looked at without taking them, and are lost. Events that
 * the restore itself causes are not seen.
 *
 * <p>Source: fanotify_init(2), fanotify_mark(2), proc_pid_fdinfo(5).
 */
final class Fanotify {
    private static final Logger LOG = LoggerFactory.getLogger("files");

    private static final int PERMISSION_CLASSES = FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT;

    /** Those of fanotify_init(2): up to FAN_REPORT_FD_ERROR. Newer ones come with newer marks. */
    private static final int KNOWN_FLAGS = 0x3fff;

    /** FIONREAD counts struct fanotify_event_metadata, whatever follows it. */
    private static final int EVENT_BYTES = 24;

    private static final int DRAIN_BYTES = 64 << 10;

    private Fanotify() {}

    // ------------------------------------------------------------------ dump

    /** The line of the group, then those of its marks. */
    private static List<Fsnotify.Line> lines(OpenFile file) {
        return file.info().fanotify().stream().map(Fsnotify.Line::parse).toList();
    }

    private static Fsnotify.Mark mark(OpenFile file, int number, Fsnotify.Line line) {
        return Fsnotify.Mark.of(file, "a fanotify group whose mark " + number, number, line);
    }

    private static UnsupportedStateException refuse(OpenFile file, String what) {
        return (UnsupportedStateException)
                new UnsupportedStateException(file.subject() + " is a fanotify group " + what)
                        .withHint("close it before the dump; see docs/limits.md#fanotify");
    }

    /**
     * Looks at a group.
     *
     * @param running whether its task still runs, and lost files can be looked for
     */
    static void check(OpenFile file, Fsnotify.Watched watched, boolean running) {
        List<Fsnotify.Line> lines = lines(file);
        int flags = (int) lines.get(0).hex("flags");
        if ((flags & PERMISSION_CLASSES) != 0) {
            throw refuse(file, "that is asked for permission (FAN_CLASS_CONTENT)");
        }
        if ((flags & ~KNOWN_FLAGS) != 0) {
            throw refuse(
                    file, "with the flags 0x" + Integer.toHexString(flags) + ", not all known");
        }
        for (int i = 1; i < lines.size(); i++) {
            Fsnotify.Line line = lines.get(i);
            if (line.has("ino")) {
                if (running) {
                    watched.check(mark(file, i, line));
                }
            } else if (line.has("mnt_id")) {
                mountPoint(file, (int) line.hex("mnt_id"), watched.mounts());
            } else {
                throw refuse(file, "with a mark on a whole filesystem, which is not supported yet");
            }
        }
    }

    private static String mountPoint(OpenFile file, int mntId, MountInfo mounts) {
        String path = mounts.tryById(mntId).map(MountInfo.Mount::mountPoint).orElse(null);
        if (path != null) {
            long r = Fd.tryOpen(path, O_PATH | O_NOFOLLOW, 0);
            if (!Native.failed(r)) {
                try (Fd there = new Fd(r, path)) {
                    int self = (int) ProcessHandle.current().pid();
                    if (Fdinfo.read(self, there.number()).mntId() == mntId) {
                        return path;
                    }
                }
            }
        }
        throw refuse(file, "with a mark on mount " + mntId + ", which no path leads to");
    }

    static file_entry dump(int id, OpenFile file, Fsnotify.Watched watched) {
        List<Fsnotify.Line> lines = lines(file);
        fanotify_file_entry.Builder entry =
                fanotify_file_entry
                        .newBuilder()
                        .setId(id)
                        .setFlags(file.flags())
                        .setFown(file.fown())
                        .setFaflags((int) lines.get(0).hex("flags"))
                        .setEvflags((int) lines.get(0).hex("event-flags"));
        for (int i = 1; i < lines.size(); i++) {
            Fsnotify.Line line = lines.get(i);
            fanotify_mark_entry.Builder mark =
                    fanotify_mark_entry
                            .newBuilder()
                            .setId(id)
                            .setMflags((int) line.hex("mflags"))
                            .setMask((int) line.hex("mask"))
                            .setIgnoredMask((int) line.hex("ignored_mask"))
                            .setSDev((int) line.hex("sdev"));
            if (line.has("ino")) {
                mark.setType(mark_type.INODE)
                        .setIe(
                                fanotify_inode_mark_entry
                                        .newBuilder()
                                        .setIIno(line.hex("ino"))
                                        .setFHandle(watched.dump(id, mark(file, i, line))));
            } else {
                int mntId = (int) line.hex("mnt_id");
                mark.setType(mark_type.MOUNT)
                        .setMe(
                                fanotify_mount_mark_entry
                                        .newBuilder()
                                        .setMntId(mntId)
                                        .setPath(mountPoint(file, mntId, watched.mounts())));
            }
            entry.addMark(mark);
        }
        try (Fd ours = Fd.take(file.pid(), file.fd())) {
            int events = Fsnotify.waiting(ours) / EVENT_BYTES;
            if (events > 0) {
                LOG.warn(
                        "{} is a fanotify group with {} events to read; a restore loses them",
                        file.subject(),
                        events);
            }
        }
        return file_entry.newBuilder().setType(fd_types.FANOTIFY).setId(id).setFfy(entry).build();
    }

    // ------------------------------------------------------------------ restore

    private static long mark(Fd group, int flags, int mask, String path) {
        try (NativeMemory name = NativeMemory.cString(path)) {
            return Native.call(
                    Syscall.FANOTIFY_MARK,
                    group.number(),
                    flags,
                    mask & 0xffffffffL,
                    AT_FDCWD,
                    name.address());
        }
    }

    /** The groups of a restore; they get their marks last of all. */
    static final class Restored {
        private record Group(fanotify_file_entry entry, jcriu_file extras, Fd fd) {}

        private final List<Group> groups = new ArrayList<>();

        /**
         * Makes a group without marks.
         *
         * @param extras our own part, or null
         */
        Fd restore(fanotify_file_entry entry, jcriu_file extras) {
            if ((entry.getFaflags() & PERMISSION_CLASSES) != 0) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "fanotify group " + entry.getId() + " is asked for permission")
                        .withHint("see docs/limits.md#fanotify");
            }
            Fd fd =
                    new Fd(
                            Native.check(
                                    Native.call(
                                            Syscall.FANOTIFY_INIT,
                                            entry.getFaflags() & 0xffffffffL,
                                            entry.getEvflags() & 0xffffffffL),
                                    "fanotify_init"),
                            "fanotify");
            // the flags of fanotify_init stay what they were; those of the description may differ
            Native.check(
                    Native.call(Syscall.FCNTL, fd.number(), F_SETFD, FD_CLOEXEC),
                    "F_SETFD of a fanotify group");
            Native.check(
                    Native.call(Syscall.FCNTL, fd.number(), F_SETFL, entry.getFlags() & O_NONBLOCK),
                    "F_SETFL of a fanotify group");
            groups.add(new Group(entry, extras, fd));
            return fd;
        }

        /** Files that must stay open until the marks are there. */
        List<Integer> needed() {
            List<Integer> ids = new ArrayList<>();
            for (Group group : groups) {
                ids.add(group.entry.getId());
                ids.addAll(Fsnotify.found(group.extras).values());
            }
            return ids;
        }

        /**
         * Adds all marks.
         *
         * @param open our descriptor of a file of the images
         */
        void restoreMarks(IntFunction<Fd> open) {
            for (Group group : groups) {
                Map<Integer, Integer> found = Fsnotify.found(group.extras);
                List<fanotify_mark_entry> marks = group.entry.getMarkList();
                for (int i = 0; i < marks.size(); i++) {
                    fanotify_mark_entry mark = marks.get(i);
                    if (mark.getType() == mark_type.MOUNT) {
                        if (!mark.getMe().hasPath()) {
                            throw new ImageFormatException(
                                    "files.img", -1, "a fanotify mark of a mount has no path");
                        }
                        String path = mark.getMe().getPath();
                        add(group.fd, mark, FAN_MARK_MOUNT, path, path);
                    } else {
                        Fsnotify.with(
                                mark.getIe().getFHandle(),
                                mark.getIe().getIIno(),
                                mark.getSDev(),
                                found.get(i + 1),
                                open,
                                "a fanotify mark",
                                file -> add(group.fd, mark, 0, file.procPath(), file.name()));
                    }
                }
            }
        }

        private static void add(
                Fd group, fanotify_mark_entry mark, int type, String path, String name) {
            int flags = FAN_MARK_ADD | type | mark.getMflags() & FAN_MARK_EVICTABLE;
            if (mark.getMask() != 0) {
                requireMarked(mark(group, flags, mark.getMask(), path), name);
            }
            if (mark.getIgnoredMask() != 0) {
                boolean newer = (mark.getMflags() & FAN_MARK_IGNORE) != 0;
                flags |= newer ? FAN_MARK_IGNORE : FAN_MARK_IGNORED_MASK;
                flags |= mark.getMflags() & FAN_MARK_IGNORED_SURV_MODIFY;
                requireMarked(mark(group, flags, mark.getIgnoredMask(), path), name);
            }
        }

        private static void requireMarked(long result, String name) {
            if (Native.failed(result)) {
                throw Fsnotify.gone(
                        "cannot mark "
                                + name
                                + " by fanotify: "
                                + Errno.ofResult(result).describe());
            }
        }

        /** Forgets the events that we caused; called when all else is done. */
        void forgetEvents() {
            for (Group group : groups) {
                int events = Fsnotify.waiting(group.fd) / EVENT_BYTES;
                try (NativeMemory buffer = NativeMemory.allocate(DRAIN_BYTES)) {
                    while (events > 0 && Fsnotify.waiting(group.fd) > 0) {
                        events -= forgetSome(group.fd, buffer);
                    }
                }
            }
        }

        /**
         * Reads events, each of which may open a file for us. A read that fails has taken one: its
         * file cannot be opened.
         */
        private static int forgetSome(Fd group, NativeMemory buffer) {
            long bytes = Native.call(Syscall.READ, group.number(), buffer.address(), DRAIN_BYTES);
            int events = 0;
            // struct fanotify_event_metadata {u32 event_len; u8 vers, reserved; u16 metadata_len;
            // u64 mask; s32 fd, pid}
            for (int at = 0; at < bytes; at += buffer.getInt(at)) {
                int fd = buffer.getInt(at + 16);
                if (fd >= 0) {
                    Native.call(Syscall.CLOSE, fd);
                }
                events++;
            }
            return Math.max(events, 1);
        }
    }
}
