package jcriu.sys;

import static jcriu.kernel.FileConstants.*;

import jcriu.errors.Errno;
import jcriu.kernel.Syscall;

/**
 * What statx(2) says of a file.
 *
 * @param dev device in the kernel's own form, {@code major << 20 | minor}
 * @param rdev of a device file, in the same form
 */
public record FileStat(
        long ino,
        int mode,
        int nlink,
        int uid,
        int gid,
        long size,
        long blocks,
        long dev,
        long rdev,
        long atimeSec,
        long atimeNsec,
        long mtimeSec,
        long mtimeNsec,
        long ctimeSec,
        long ctimeNsec) {

    /** Follows links; {@code /proc/PID/fd/N} leads to the open file, deleted or not. */
    public static FileStat of(String path) {
        FileStat stat = tryOf(path);
        if (stat == null) {
            throw new jcriu.errors.SyscallException("stat " + path, Errno.ENOENT);
        }
        return stat;
    }

    /** The same, or null if there is no such file. */
    public static FileStat tryOf(String path) {
        return tryOf(path, true);
    }

    /**
     * The same.
     *
     * @param follow whether a symbolic link at the end of the path is followed
     */
    public static FileStat tryOf(String path, boolean follow) {
        int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
        try (NativeMemory name = NativeMemory.cString(path);
                NativeMemory out = NativeMemory.allocate(256)) {
            long r =
                    Native.call(
                            Syscall.STATX, AT_FDCWD, name.address(), flags, 0x7ff, out.address());
            if (r == -Errno.ENOENT.number() || r == -Errno.ENOTDIR.number()) {
                return null;
            }
            Native.check(r, "stat " + path);
            int modeWord = out.getInt(28);
            return new FileStat(
                    out.getLong(32),
                    modeWord & 0xffff,
                    out.getInt(16),
                    out.getInt(20),
                    out.getInt(24),
                    out.getLong(40),
                    out.getLong(48),
                    dev(out, 136),
                    dev(out, 128),
                    out.getLong(64),
                    out.getInt(72),
                    out.getLong(112),
                    out.getInt(120),
                    out.getLong(96),
                    out.getInt(104));
        }
    }

    private static long dev(NativeMemory statx, int offset) {
        return (statx.getInt(offset) & 0xffffffffL) << 20 | statx.getInt(offset + 4);
    }

    public int type() {
        return mode & S_IFMT;
    }

    public boolean isRegular() {
        return type() == S_IFREG;
    }

    /** Whether two stats are of one file. */
    public boolean sameFile(FileStat other) {
        return dev == other.dev && ino == other.ino;
    }
}
