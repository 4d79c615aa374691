package jcriu.dump;

import static jcriu.kernel.FileConstants.*;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory that rehearsals are dumped into, in memory where that can be. Its jcriu holds a
 * flock(2) on it, which the kernel lets go with its last breath: one that nobody locks is of a
 * jcriu that was killed, and the next one of the same user takes it away.
 *
 * <p>{@code /dev/shm} and {@code /tmp} are everybody's. No link is followed, and nothing is touched
 * in a directory of another owner; the sticky bit keeps others from putting theirs in the place of
 * ours.
 */
final class RehearsalDirectory implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger("dump");
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final String PREFIX = "jcriu-rehearsal";
    private static final int TRIES = 10;

    private final Path path;
    private final Fd lock;

    private RehearsalDirectory(Path path, Fd lock) {
        this.path = path;
        this.lock = lock;
    }

    /** Makes one, and takes away those of the dead. */
    static RehearsalDirectory make() throws IOException {
        return make(
                Files.isWritable(MEMORY) ? MEMORY : Path.of(System.getProperty("java.io.tmpdir")));
    }

    /** The same, beside others in a directory. */
    static RehearsalDirectory make(Path around) throws IOException {
        for (int tries = 1; tries <= TRIES; tries++) {
            Path fresh = Files.createTempDirectory(around, PREFIX);
            Fd lock = tryLock(fresh);
            if (lock != null) {
                sweep(around, FileStat.of(fresh.toString()).uid());
                return new RehearsalDirectory(fresh, lock);
            }
            // another jcriu has seen it before it was locked, and takes it away
        }
        throw new IOException("no directory " + around.resolve(PREFIX) + "... can be locked");
    }

    private static void sweep(Path around, int owner) throws IOException {
        try (DirectoryStream<Path> found = Files.newDirectoryStream(around, PREFIX + "*")) {
            for (Path path : found) {
                FileStat stat = FileStat.tryOf(path.toString(), false);
                if (stat == null || stat.uid() != owner || stat.type() != S_IFDIR) {
                    continue;
                }
                try (Fd lock =
                        path.getFileName().toString().matches(PREFIX + "\\d+")
                                ? tryLock(path)
                                : null) {
                    if (lock != null && FileStat.of(lock.procPath()).uid() == owner) {
                        LOG.info("{} is of a jcriu that was killed: removed", path);
                        remove(path, lock);
                    }
                }
            }
        }
    }

    /** A directory that is there and that nobody else locks, locked until it is closed; or null. */
    private static Fd tryLock(Path path) {
        long fd = Fd.tryOpen(path.toString(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
        if (Native.failed(fd)) {
            return null;
        }
        Fd lock = new Fd(fd, path.toString());
        if (Native.call(Syscall.FLOCK, fd, LOCK_EX | LOCK_NB) == 0) {
            FileStat there = FileStat.tryOf(path.toString(), false);
            if (there != null && there.sameFile(FileStat.of(lock.procPath()))) {
                return lock;
            }
        }
        lock.close();
        return null;
    }

    private static void remove(Path path, Fd directory) {
        try (DirectoryStream<Path> files =
                Files.newDirectoryStream(Path.of(directory.procPath()))) {
            for (Path file : files) {
                try (NativeMemory name = NativeMemory.cString(file.getFileName().toString())) {
                    Native.call(Syscall.UNLINKAT, directory.number(), name.address(), 0);
                }
            }
            Files.delete(path);
        } catch (IOException e) {
            LOG.warn("{} stays behind: {}", path, e.toString());
        }
    }

    Path path() {
        return path;
    }

    /** Whether to force it to the disk costs nothing. */
    boolean inMemory() {
        return path.startsWith(MEMORY);
    }

    @Override
    public void close() {
        remove(path, lock);
        lock.close();
    }
}
