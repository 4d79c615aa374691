package jcriu.sys;

import static jcriu.kernel.FileConstants.O_DIRECTORY;
import static jcriu.kernel.FileConstants.O_RDONLY;

import java.nio.file.Path;
import jcriu.kernel.Syscall;

/**
 * The file system of a directory, to force what was written onto its disk: syncfs(2), one call for
 * any number of files, where fsync(2) costs a journal commit or a flush for each.
 *
 * <p>Since Linux 5.8 the call fails if anything could not be written since the directory was
 * opened: so it is opened before the first file.
 */
public final class Disk implements AutoCloseable {
    private final Fd directory;

    private Disk(Fd directory) {
        this.directory = directory;
    }

    /** Opens the directory. */
    public static Disk of(Path directory) {
        return new Disk(Fd.open(directory.toString(), O_RDONLY | O_DIRECTORY));
    }

    /**
     * Returns when all that was written is on the disk; what others wrote to that file system, too.
     *
     * @throws jcriu.errors.SyscallException EIO, ENOSPC, EDQUOT: it is not
     */
    public void sync() {
        Native.check(
                Native.call(Syscall.SYNCFS, directory.number()),
                "force to the disk what was written to " + directory.name());
    }

    @Override
    public void close() {
        directory.close();
    }
}
