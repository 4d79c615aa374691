package jcriu.memory;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import java.nio.file.Path;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** A file of a real file system, readable by its owner only. */
final class CreatedFile implements OutputFile {
    private static final long TMPFS_MAGIC = 0x01021994;

    private final String path;
    private final FileStat created;

    /** What stands there may have another name, or be open elsewhere: it is not written to. */
    CreatedFile(Path path) {
        this.path = path.toString();
        remove();
        try (Fd file = Fd.open(this.path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)) {
            created = FileStat.of(file.procPath());
        }
    }

    @Override
    public Handle open() {
        Fd file = Fd.open(path, O_RDWR | O_NOFOLLOW);
        if (!FileStat.of(file.procPath()).sameFile(created)) {
            file.close();
            throw new JcriuException(Kind.IO, "somebody has replaced " + path)
                    .withHint("choose an --images-dir that nobody else may write to");
        }
        return new Open(file);
    }

    @Override
    public void remove() {
        try (NativeMemory name = NativeMemory.cString(path)) {
            Native.call(Syscall.UNLINKAT, AT_FDCWD, name.address(), 0);
        }
    }

    private record Open(Fd file) implements Handle {
        /**
         * On tmpfs fallocate(2) fills the pages too, on one core; there the free space is asked
         * for, and whoever maps the file fills them on all cores.
         */
        @Override
        public void reserve(long bytes) {
            String what = "reserve " + bytes + " bytes for " + file.name();
            try (NativeMemory statfs = NativeMemory.allocate(256)) {
                Native.check(
                        Native.call(Syscall.FSTATFS, file.number(), statfs.address()),
                        "statfs " + file.name());
                if (statfs.getLong(0) == TMPFS_MAGIC) {
                    long blocks = statfs.getLong(16);
                    long free = statfs.getLong(32);
                    if (blocks != 0 && free * statfs.getLong(8) < bytes) {
                        throw new SyscallException(what, Errno.ENOSPC);
                    }
                    Native.check(Native.call(Syscall.FTRUNCATE, file.number(), bytes), what);
                    return;
                }
            }
            long r = Native.call(Syscall.FALLOCATE, file.number(), 0, 0, bytes);
            if (r == -Errno.EOPNOTSUPP.number()) {
                r = Native.call(Syscall.FTRUNCATE, file.number(), bytes);
            }
            Native.check(r, what);
        }

        @Override
        public long map(long bytes) {
            long at =
                    Native.call(
                            Syscall.MMAP,
                            0,
                            bytes,
                            PROT_READ | PROT_WRITE,
                            MAP_SHARED,
                            file.number(),
                            0);
            return Native.failed(at) ? 0 : at;
        }

        @Override
        public long write(long address, long length, long offset) {
            return file.write(address, length, offset);
        }

        @Override
        public void read(long address, long length, long offset) {
            if (file.readFully(address, length, offset) < length) {
                throw new JcriuException(Kind.IO, "somebody has truncated " + file.name())
                        .withHint("choose an --images-dir that nobody else may write to");
            }
        }

        @Override
        public void truncate(long size) {
            Native.check(
                    Native.call(Syscall.FTRUNCATE, file.number(), size), "truncate " + file.name());
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
