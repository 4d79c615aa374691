package jcriu.memory;

import static jcriu.kernel.FileConstants.*;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import jcriu.errors.EnvironmentException;
import jcriu.errors.Errno;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;

/**
 * A checkpoint and its parents while somebody reads their pages, or takes some out: flock(2) on
 * each {@code inventory.img}. That file is there as long as the checkpoint is one, only its owner
 * can open it, and copies made of hard links, which have the pages files in common, have it in
 * common, too. Who writes one locks its directory as well: while there is no inventory, nothing
 * else tells two dumps apart.
 *
 * <p>A file system that cannot lock (some network ones) does not keep anybody from working.
 */
public final class ChainLock implements AutoCloseable {
    private static final long WAIT_NANOS = 10_000_000_000L;
    private static final long POLL_NANOS = 20_000_000;
    private static final Path LOCKS = Path.of("/proc/locks");
    private static final Set<String> VERBS =
            Set.of("dump", "pre-dump", "restore", "verify", "dedup");

    private final List<Fd> held = new ArrayList<>();

    private ChainLock() {}

    /**
     * For who reads pages; others may read, too.
     *
     * @throws EnvironmentException if pages are still being taken out after ten seconds
     */
    public static ChainLock shared(ImageDir newest) {
        return shared(List.of(newest));
    }

    /** For who reads pages of several dumps, which may have parents in common. */
    public static ChainLock shared(List<ImageDir> dumps) {
        return take(dumps, LOCK_SH, WAIT_NANOS);
    }

    /**
     * For who takes pages out.
     *
     * @param wait whether ten seconds may pass until nobody reads them
     * @throws EnvironmentException if somebody does
     */
    public static ChainLock exclusive(ImageDir newest, boolean wait) {
        return take(List.of(newest), LOCK_EX, wait ? WAIT_NANOS : 0);
    }

    /**
     * For who takes pages out of several dumps, which may have parents in common.
     *
     * @throws EnvironmentException if they are still being read after ten seconds
     */
    public static ChainLock exclusive(List<ImageDir> dumps) {
        return take(dumps, LOCK_EX, WAIT_NANOS);
    }

    /**
     * For who writes a dump: nobody else may write one there, nor read the one that has to go.
     *
     * @throws EnvironmentException if somebody writes there, or still reads after ten seconds
     */
    public static ChainLock writing(ImageDir images) {
        ChainLock lock = new ChainLock();
        try {
            lock.addDirectory(images.directory());
            lock.add(images, LOCK_EX, System.nanoTime() + WAIT_NANOS, new HashSet<>());
            return lock;
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    private static ChainLock take(List<ImageDir> dumps, int operation, long nanos) {
        long deadline = System.nanoTime() + nanos;
        ChainLock lock = new ChainLock();
        try {
            Set<List<Long>> seen = new HashSet<>();
            for (ImageDir dump : dumps) {
                Optional<ImageDir> next = Optional.of(dump);
                while (next.isPresent() && lock.add(next.get(), operation, deadline, seen)) {
                    next = parent(next.get());
                }
            }
            return lock;
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
    }

    /** Nothing where the chain is broken: who reads it says so. */
    private static Optional<ImageDir> parent(ImageDir images) {
        try {
            return images.parent();
        } catch (JcriuException e) {
            return Optional.empty();
        }
    }

    /** What is no directory, or cannot be opened, the dump will name. */
    private void addDirectory(Path directory) {
        long opened = Fd.tryOpen(directory.toString(), O_RDONLY | O_DIRECTORY, 0);
        if (Native.failed(opened)) {
            return;
        }
        Fd fd = new Fd(opened, directory.toString());
        held.add(fd);
        long r = Native.call(Syscall.FLOCK, fd.number(), LOCK_EX | LOCK_NB);
        if (r == -Errno.EAGAIN.number()) {
            throw busy(
                    directory,
                    FileStat.of(fd.procPath()).ino(),
                    "give each dump a directory of its own");
        }
    }

    /** Whether there may be parents to lock, too; not if it is ours already. */
    private boolean add(ImageDir images, int operation, long deadline, Set<List<Long>> seen) {
        String inventory = images.path(ImageType.INVENTORY).toString();
        while (true) {
            long opened = Fd.tryOpen(inventory, O_RDONLY | O_NOFOLLOW, 0);
            if (Native.failed(opened)) {
                return false;
            }
            Fd fd = new Fd(opened, inventory);
            held.add(fd);
            FileStat file = FileStat.of(fd.procPath());
            if (!seen.add(List.of(file.dev(), file.ino()))) {
                return false;
            }
            long r = Native.call(Syscall.FLOCK, fd.number(), operation | LOCK_NB);
            while (r == -Errno.EAGAIN.number() && System.nanoTime() < deadline) {
                Interruption.check();
                LockSupport.parkNanos(POLL_NANOS);
                r = Native.call(Syscall.FLOCK, fd.number(), operation | LOCK_NB);
            }
            if (r == -Errno.EAGAIN.number()) {
                throw busy(
                        images.directory(),
                        file.ino(),
                        "wait until it has ended, and run the same command again");
            }
            FileStat now = FileStat.tryOf(inventory, false);
            if (now == null || now.sameFile(file)) {
                return true;
            } // else another dump has come into its place meanwhile
        }
    }

    private static JcriuException busy(Path directory, long inode, String hint) {
        return new EnvironmentException(real(directory) + " is in use by " + holder(inode))
                .withHint(hint + "; see docs/dedup.md#two-at-once");
    }

    /** Without the links that lead there. */
    private static Path real(Path directory) {
        try {
            return directory.toRealPath();
        } catch (IOException e) {
            return directory;
        }
    }

    /**
     * Who has a lock on a file, as {@code /proc/locks} says: {@code 1: FLOCK ADVISORY WRITE pid
     * major:minor:inode start end}.
     */
    private static String holder(long inode) {
        try {
            for (String line : Files.readAllLines(LOCKS, StandardCharsets.US_ASCII)) {
                String[] words = line.strip().split("\\s+");
                if (words.length > 5
                        && words[1].equals("FLOCK")
                        && words[5].endsWith(":" + inode)) {
                    return "process " + words[4] + verb(Path.of("/proc", words[4], "cmdline"));
                }
            }
        } catch (IOException e) {
            return "another process";
        }
        return "another process";
    }

    private static String verb(Path commandLine) {
        try {
            for (String word : Files.readString(commandLine).split("\0")) {
                if (VERBS.contains(word)) {
                    return ", jcriu " + word;
                }
            }
        } catch (IOException e) {
            return "";
        }
        return "";
    }

    @Override
    public void close() {
        held.forEach(Fd::close);
        held.clear();
    }
}
