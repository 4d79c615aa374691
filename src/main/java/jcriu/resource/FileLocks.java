package jcriu.resource;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.file_lock_entry;
import jcriu.kernel.FileConstants;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.tracee.RemoteBatch;

/**
 * File locks: POSIX (a process's), OFD and flock(2) (an open file description's), and leases (a
 * description's, too). {@code /proc/PID/fdinfo/FD} lists those that concern a descriptor:
 *
 * <pre>
 * lock: 1: POSIX  ADVISORY  WRITE 4711 fe:00:2146440 0 EOF
 * lock: 1: LEASE  ACTIVE    READ  4711 fe:00:2146440 0 EOF
 * lock: 1: LEASE  BREAKING  UNLCK 4711 fe:00:2146440 0 EOF
 * </pre>
 *
 * <p>A lease that is being broken is shown as what it must become: READ was a write lease; UNLCK
 * was either, a read lease only if the file is not open for writing. What it must become is an
 * extra of ours; it is taken as it was, and then broken again.
 *
 * <p>Source: fcntl(2), flock(2), proc_pid_fdinfo(5), proc_locks(5).
 */
public final class FileLocks {
    /** {@code struct flock}, bytes. */
    private static final int FLOCK_SIZE = 32;

    private static final int POSIX = 1;
    private static final int FLOCK = 2;
    private static final int OFD = 4;
    private static final int LEASE = 8;
    private static final int F_RDLCK = 0;
    private static final int F_WRLCK = 1;
    private static final int F_UNLCK = 2;
    private static final int F_SETLK = 6;
    private static final int F_OFD_SETLK = 37;

    private final boolean allowed;
    private final List<file_lock_entry> locks = new ArrayList<>();
    private final Set<String> seen = new HashSet<>();
    private final FileExtras extras;

    /**
     * @param allowed whether locks may be saved, {@code --file-locks}
     * @param extras get what a lease that is being broken must become
     */
    FileLocks(boolean allowed, FileExtras extras) {
        this.allowed = allowed;
        this.extras = extras;
    }

    /** Refuses locks that cannot be saved. */
    void check(OpenFile file) {
        for (String line : file.info().locks()) {
            file_lock_entry lock = parse(line, file);
            if (lock == null) {
                throw refuse(file, line, "see docs/limits.md#file-locks");
            }
            if (!allowed) {
                throw refuse(file, line, "add --file-locks (-l) to dump and restore");
            }
            if (lock.getFlag() == LEASE && lock.getType() == F_WRLCK && file.stat().nlink() == 0) {
                // its content cannot be read without breaking the lease
                throw refuse(file, line, "see docs/limits.md#file-locks");
            }
        }
    }

    private static UnsupportedStateException refuse(OpenFile file, String line, String hint) {
        return (UnsupportedStateException)
                new UnsupportedStateException(
                                file.subject()
                                        + " ("
                                        + file.link().name()
                                        + ") holds a file lock:"
                                        + " "
                                        + line.strip())
                        .withHint(hint);
    }

    /**
     * Adds the locks of a descriptor. A POSIX lock is the table's and is seen by each of its
     * descriptors of the file; the others are the description's: each is taken once.
     *
     * @param holders the tasks that have the table: the one that took a POSIX lock takes it again
     */
    void add(OpenFile file, int fileId, List<Integer> holders) {
        for (String line : file.info().locks()) {
            file_lock_entry lock = parse(line, file);
            if (lock == null) {
                continue;
            }
            if (lock.getFlag() == POSIX && !holders.contains(lock.getPid())) {
                if (holders.size() == 1) {
                    continue;
                }
                lock = lock.toBuilder().setPid(file.pid()).build(); // who took it has ended
            }
            String owner = lock.getFlag() == POSIX ? "p" + file.pid() : "f" + fileId;
            String key =
                    owner
                            + ":"
                            + file.stat().dev()
                            + ":"
                            + file.stat().ino()
                            + ":"
                            + lock.getFlag()
                            + ":"
                            + lock.getStart()
                            + ":"
                            + lock.getLen();
            if (seen.add(key)) {
                locks.add(lock);
                if (lock.getFlag() == LEASE && isBreaking(line)) {
                    extras.of(fileId).setLeaseBecomes(target(line));
                }
            }
        }
    }

    static boolean isLease(String line) {
        return line.contains(" LEASE ");
    }

    private static boolean isBreaking(String line) {
        return line.contains(" BREAKING ");
    }

    private static int target(String line) {
        return line.contains(" READ ") ? F_RDLCK : F_UNLCK;
    }

    private static file_lock_entry lease(String line, String type, OpenFile file) {
        boolean reads = type.equals("READ");
        if (isBreaking(line)) {
            boolean readable = (file.flags() & FileConstants.O_ACCMODE) == FileConstants.O_RDONLY;
            reads = type.equals("UNLCK") && readable;
        }
        return file_lock_entry
                .newBuilder()
                .setFlag(LEASE)
                .setType(reads ? F_RDLCK : F_WRLCK)
                .setPid(file.pid())
                .setFd(file.fd())
                .setStart(0)
                .setLen(0)
                .build();
    }

    /** {@code N: KIND ADVISORY READ|WRITE PID MAJ:MIN:INO START END|EOF}; null if it is another. */
    private static file_lock_entry parse(String line, OpenFile file) {
        String[] words = line.strip().split("\\s+");
        if (words.length == 8
                && words[1].equals("LEASE")
                && (words[2].equals("ACTIVE") || words[2].equals("BREAKING"))) {
            return lease(line, words[3], file);
        }
        if (words.length < 8 || !words[2].equals("ADVISORY")) {
            return null;
        }
        int flag =
                switch (words[1]) {
                    case "POSIX" -> POSIX;
                    case "FLOCK" -> FLOCK;
                    case "OFDLCK" -> OFD;
                    default -> 0;
                };
        if (flag == 0 || !words[3].equals("READ") && !words[3].equals("WRITE")) {
            return null;
        }
        long start = Long.parseLong(words[6]);
        long length = words[7].equals("EOF") ? 0 : Long.parseLong(words[7]) - start + 1;
        return file_lock_entry
                .newBuilder()
                .setFlag(flag)
                .setType(words[3].equals("READ") ? F_RDLCK : F_WRLCK)
                .setPid(flag == POSIX ? Integer.parseInt(words[4]) : file.pid())
                .setFd(file.fd())
                .setStart(start)
                .setLen(length)
                .build();
    }

    void write(ImageDir images) {
        if (!locks.isEmpty()) {
            try (ImageWriter out = images.writer(ImageType.FILE_LOCKS)) {
                locks.forEach(out::write);
            }
        }
    }

    /** Locks of an image by the pid of the task that takes them. */
    public static Map<Integer, List<file_lock_entry>> read(ImageDir images) {
        Map<Integer, List<file_lock_entry>> byPid = new HashMap<>();
        try (ImageReader in = images.reader(ImageType.FILE_LOCKS)) {
            for (file_lock_entry lock : in.readAll(file_lock_entry.parser())) {
                byPid.computeIfAbsent(lock.getPid(), pid -> new ArrayList<>()).add(lock);
            }
        }
        return byPid;
    }

    /** Adds the calls by which a task takes its locks again; a lock that somebody holds fails. */
    public static void restore(List<file_lock_entry> locks, RemoteBatch batch, Runnable flush) {
        for (file_lock_entry lock : locks) {
            if (!batch.fits(1, FLOCK_SIZE)) {
                flush.run();
            }
            String what = "lock the file of fd " + lock.getFd();
            if ((lock.getFlag() & FLOCK) != 0) {
                int operation =
                        lock.getType() == F_RDLCK ? FileConstants.LOCK_SH : FileConstants.LOCK_EX;
                batch.add(what, Syscall.FLOCK, lock.getFd(), operation | FileConstants.LOCK_NB);
                continue;
            }
            if ((lock.getFlag() & LEASE) != 0) {
                // CAP_LEASE, or the file is the task's user's
                batch.add(
                        "lease" + what.substring("lock".length()),
                        Syscall.FCNTL,
                        lock.getFd(),
                        FileConstants.F_SETLEASE,
                        lock.getType());
                continue;
            }
            // struct flock {s16 type, whence; s64 start, len; s32 pid}
            long flock = batch.data(FLOCK_SIZE);
            batch.putInt(flock, lock.getType());
            batch.putLong(flock + 8, lock.getStart());
            batch.putLong(flock + 16, lock.getLen());
            int command = (lock.getFlag() & OFD) != 0 ? F_OFD_SETLK : F_SETLK;
            batch.add(what, Syscall.FCNTL, lock.getFd(), command, flock);
        }
    }

    /**
     * Opens a file so that its lease is being broken again; the holder, who knows, is not told.
     *
     * @param becomes what the lease must become
     */
    static void breakLease(Fd holder, int becomes) {
        Fown.clear(holder);
        int access = becomes == F_RDLCK ? FileConstants.O_RDONLY : FileConstants.O_WRONLY;
        long r = Fd.tryOpen(holder.procPath(), access | FileConstants.O_NONBLOCK, 0);
        if (r != -Errno.EAGAIN.number()) {
            if (!Native.failed(r)) {
                new Fd(r, holder.name()).close();
            }
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "the lease of "
                                    + holder.name()
                                    + " was being broken, and cannot be broken again: "
                                    + (Native.failed(r)
                                            ? Errno.ofResult(r).describe()
                                            : "the file could be opened"))
                    .withHint("see docs/limits.md#file-locks");
        }
    }
}
