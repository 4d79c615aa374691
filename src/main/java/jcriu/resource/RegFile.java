package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.fown_entry;
import jcriu.image.proto.reg_file_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * What has a path: regular files, directories, devices without state of their own. A deleted one
 * takes its content along as a {@link GhostFile}.
 */
final class RegFile {
    /** Majors of devices that hold nothing: /dev/null, zero, full, random, urandom. */
    private static final int MEMORY_DEVICES = 1;

    /** memfd_secret(2): as a descriptor's link, and as a mapping's name. */
    private static final String SECRET_MEMORY = "/secretmem";

    /** What stands for bytes that are no UTF-8; images have no place for such names. */
    private static final char NO_UTF8 = '\uFFFD';

    /** What the C library reads a directory by, so that the same positions are met. */
    private static final int DIRECTORY_BUFFER = 32768;

    private RegFile() {}

    /** Refuses what cannot be opened again by its path. */
    static void check(
            Object subject,
            String name,
            FileStat stat,
            boolean deleted,
            Ghosts ghosts,
            LinkRemap links) {
        int type = stat.type();
        if (type == S_IFCHR && stat.rdev() >> 20 != MEMORY_DEVICES) {
            long major = stat.rdev() >> 20;
            long minor = stat.rdev() & 0xfffff;
            throw refuse(
                    subject
                            + " is the device "
                            + name
                            + " ("
                            + major
                            + ":"
                            + minor
                            + "), whose state cannot be saved",
                    "close it before the dump, or add --external dev["
                            + major
                            + "/"
                            + minor
                            + "]:NAME and give the restore another; see docs/limits.md#devices");
        }
        if (type == S_IFSOCK) {
            throw refuse(subject + " is a socket file", "see docs/limits.md#sockets");
        }
        checkPath(subject, name, stat, deleted, ghosts, links);
    }

    /** The same for an O_PATH descriptor, which stands for the path alone. */
    static void checkPath(
            Object subject,
            String name,
            FileStat stat,
            boolean deleted,
            Ghosts ghosts,
            LinkRemap links) {
        if (name.indexOf(NO_UTF8) >= 0) {
            throw refuse(
                    subject + " is " + name + ", and that name is no UTF-8 text",
                    "rename it, or close it before the dump; see docs/limits.md#names");
        }
        ProcFile.check(subject, name, stat);
        if (ProcFile.pid(name, stat) != 0) {
            return;
        }
        if (isGone(stat, deleted)) {
            ghosts.check(subject, name, stat);
            return;
        }
        if (deleted && name.equals(SECRET_MEMORY) && stat.dev() >> 20 == 0) {
            throw refuse(
                    subject + " is secret memory (memfd_secret), which nobody else can read",
                    "give it up before the dump; see docs/limits.md#memory");
        }
        FileStat now = FileStat.tryOf(name, stat.type() != S_IFLNK);
        if (now == null || !now.sameFile(stat)) {
            links.check(subject, name, stat, now);
        }
    }

    /** Whether no name leads to a file any more; some file systems count 1 for every directory. */
    static boolean isGone(FileStat stat, boolean deleted) {
        return stat.nlink() == 0 || deleted && stat.type() == S_IFDIR;
    }

    private static UnsupportedStateException refuse(String what, String hint) {
        return (UnsupportedStateException) new UnsupportedStateException(what).withHint(hint);
    }

    /**
     * Flags with which open(2) makes a description that has these. O_ASYNC would be set there and
     * have no effect, and then could not be switched on, see open(2).
     */
    static int openFlags(int flags) {
        if ((flags & O_TMPFILE_ALONE) != 0) {
            flags &= ~O_TMPFILE;
        }
        return flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_CLOEXEC | O_ASYNC) | O_NOCTTY;
    }

    /** The entry of a file with a path. */
    static file_entry dump(
            int id, String name, FileStat stat, int flags, long pos, fown_entry fown) {
        reg_file_entry.Builder reg =
                reg_file_entry
                        .newBuilder()
                        .setId(id)
                        .setFlags(flags)
                        .setPos(pos)
                        .setFown(fown)
                        .setName(name)
                        .setMode(stat.mode());
        if (stat.isRegular()) {
            reg.setSize(stat.size());
        }
        return file_entry.newBuilder().setType(fd_types.REG).setId(id).setReg(reg).build();
    }

    /** The entry of a file that the restore will be given. */
    static file_entry dumpExternal(int id, String name, OpenFile file) {
        file_entry entry =
                dump(id, name, file.stat(), file.flags(), file.info().pos(), file.fown());
        return entry.toBuilder().setReg(entry.getReg().toBuilder().setExt(true)).build();
    }

    /**
     * Opens the file again, at its position.
     *
     * @throws JcriuException RESTORE_REFUSED if it is missing or is not what it was
     */
    static Fd restore(reg_file_entry reg, boolean skipModeCheck, boolean checkSize) {
        int flags = openFlags(reg.getFlags());
        String name = reg.getName();
        boolean follow = (flags & (O_PATH | O_NOFOLLOW)) != (O_PATH | O_NOFOLLOW);
        FileStat now = FileStat.tryOf(name, follow);
        if (now == null) {
            throw new JcriuException(Kind.RESTORE_REFUSED, "file " + name + " is missing")
                    .withHint("put it back as it was at the dump");
        }
        if (reg.hasMode() && !skipModeCheck && now.mode() != reg.getMode()) {
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "file "
                                    + name
                                    + " has mode 0"
                                    + Integer.toOctalString(now.mode())
                                    + ", not 0"
                                    + Integer.toOctalString(reg.getMode()))
                    .withHint("set the mode back, or restore with --skip-file-rwx-check");
        }
        if (checkSize && reg.hasSize() && now.isRegular() && now.size() != reg.getSize()) {
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "file "
                                    + name
                                    + " has "
                                    + now.size()
                                    + " bytes, not the "
                                    + reg.getSize()
                                    + " of the dump")
                    .withHint("put it back as it was at the dump");
        }
        Fd fd;
        try {
            fd = Fd.open(name, flags);
        } catch (SyscallException e) {
            throw new JcriuException(Kind.RESTORE_REFUSED, e.what(), e)
                    .withHint("make the file accessible as it was at the dump");
        }
        seek(fd, reg.getPos(), flags, now);
        return fd;
    }

    /**
     * Reads a directory up to a position: ext4 answers a later rewind wrongly where a position was
     * set and never read up to.
     *
     * @return whether the position was met
     */
    private static boolean readTo(Fd fd, long pos) {
        try (NativeMemory entries = NativeMemory.allocate(DIRECTORY_BUFFER)) {
            long n;
            do {
                n =
                        Native.call(
                                Syscall.GETDENTS64,
                                fd.number(),
                                entries.address(),
                                DIRECTORY_BUFFER);
                if (Native.call(Syscall.LSEEK, fd.number(), 0, SEEK_CUR) == pos) {
                    return true;
                }
            } while (n > 0);
            return false;
        }
    }

    static void seek(Fd fd, long pos, int flags, FileStat stat) {
        boolean seekable = stat.isRegular() || stat.type() == S_IFDIR || stat.type() == S_IFBLK;
        if (pos != 0 && stat.type() == S_IFDIR && readTo(fd, pos)) {
            return;
        }
        if (pos != 0 && seekable && (flags & O_PATH) == 0) {
            Native.check(
                    Native.call(Syscall.LSEEK, fd.number(), pos, SEEK_SET), "seek in " + fd.name());
        }
    }
}
