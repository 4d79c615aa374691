package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.ghost_chunk_entry;
import jcriu.image.proto.ghost_file_entry;
import jcriu.image.proto.reg_file_entry;
import jcriu.image.proto.remap_file_path_entry;
import jcriu.image.proto.remap_type;
import jcriu.image.proto.timeval;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * Deleted files that are still open: their content travels in {@code ghost-file-N.img}, holes left
 * out, and {@code remap-fpath.img} says which file entries mean them.
 */
public final class Ghosts {
    private static final int CHUNK = 1 << 20;

    private final long limitBytes;
    private final Map<String, Integer> ids = new HashMap<>();
    private final List<remap_file_path_entry> remaps = new ArrayList<>();

    /**
     * @param limitBytes the largest deleted file that is taken along, {@code --ghost-limit}
     */
    public Ghosts(long limitBytes) {
        this.limitBytes = limitBytes;
    }

    void check(Object subject, String name, FileStat stat) {
        int type = stat.type();
        if (type == S_IFLNK || type == S_IFSOCK) {
            throw (UnsupportedStateException)
                    new UnsupportedStateException(
                                    subject
                                            + " is the deleted "
                                            + (type == S_IFLNK ? "symbolic link " : "socket file ")
                                            + name
                                            + ", which is not supported")
                            .withHint("close it before the dump");
        }
        if (stat.isRegular() && stat.blocks() * 512 > limitBytes) {
            throw (UnsupportedStateException)
                    new UnsupportedStateException(
                                    subject
                                            + " is the deleted file "
                                            + name
                                            + " of "
                                            + stat.blocks() * 512
                                            + " bytes, above the limit of "
                                            + limitBytes)
                            .withHint("raise --ghost-limit, e.g. --ghost-limit 1G");
        }
    }

    /**
     * Takes a deleted file along for the file entry {@code fileId}.
     *
     * @param contentPath where its content can be read, e.g. {@code /proc/PID/fd/N}
     */
    void dump(int fileId, FileStat stat, String contentPath, ImageDir images) {
        String key = stat.dev() + ":" + stat.ino();
        Integer id = ids.get(key);
        if (id == null) {
            id = ids.size() + 1;
            ids.put(key, id);
            write(id, stat, contentPath, images);
        }
        remaps.add(
                remap_file_path_entry
                        .newBuilder()
                        .setOrigId(fileId)
                        .setRemapId(id)
                        .setRemapType(remap_type.GHOST)
                        .build());
    }

    private static void write(int id, FileStat stat, String contentPath, ImageDir images) {
        try (ImageWriter out = images.writer(ImageType.GHOST_FILE, id)) {
            ghost_file_entry.Builder entry =
                    ghost_file_entry
                            .newBuilder()
                            .setUid(stat.uid())
                            .setGid(stat.gid())
                            .setMode(stat.mode())
                            .setDev((int) stat.dev())
                            .setIno(stat.ino())
                            .setAtim(time(stat.atimeSec(), stat.atimeNsec()))
                            .setMtim(time(stat.mtimeSec(), stat.mtimeNsec()));
            if (!stat.isRegular()) {
                if (stat.type() == S_IFCHR || stat.type() == S_IFBLK) {
                    entry.setRdev((int) stat.rdev());
                }
                out.write(entry.build());
                return;
            }
            out.write(entry.setChunks(true).setSize(stat.size()).build());
            try (Fd file = openUnnoticed(contentPath);
                    NativeMemory buffer = NativeMemory.allocate(CHUNK)) {
                long at = 0;
                while (at < stat.size()) {
                    long start = Native.call(Syscall.LSEEK, file.number(), at, SEEK_DATA);
                    if (Native.failed(start)) {
                        break; // ENXIO: only a hole is left
                    }
                    long end =
                            Native.check(
                                    Native.call(Syscall.LSEEK, file.number(), start, SEEK_HOLE),
                                    "find a hole in " + contentPath);
                    for (long from = start; from < end; from += CHUNK) {
                        int n =
                                (int)
                                        file.readFully(
                                                buffer.address(),
                                                Math.min(CHUNK, end - from),
                                                from);
                        out.write(ghost_chunk_entry.newBuilder().setLen(n).setOff(from).build());
                        out.writeRaw(buffer.get(0, n));
                    }
                    at = end;
                }
            }
        }
    }

    /** Without a new access time, where we may. */
    private static Fd openUnnoticed(String path) {
        long r = Fd.tryOpen(path, O_RDONLY | O_NOATIME, 0);
        return Native.failed(r) ? Fd.open(path, O_RDONLY) : new Fd(r, path);
    }

    private static timeval time(long sec, long nsec) {
        return timeval.newBuilder().setTvSec(sec).setTvUsec(nsec / 1000).build();
    }

    /** A file entry is reached by the path of another one. */
    void linked(int fileId, int linkFileId) {
        remaps.add(
                remap_file_path_entry
                        .newBuilder()
                        .setOrigId(fileId)
                        .setRemapId(linkFileId)
                        .setRemapType(remap_type.LINKED)
                        .build());
    }

    /** A file entry is a file of {@code /proc} of a task that has ended. */
    void ended(int fileId, int pid) {
        remaps.add(
                remap_file_path_entry
                        .newBuilder()
                        .setOrigId(fileId)
                        .setRemapId(pid)
                        .setRemapType(remap_type.PROCFS)
                        .build());
    }

    /** Writes {@code remap-fpath.img} if there is anything to say. */
    public void finish(ImageDir images) {
        if (!remaps.isEmpty()) {
            try (ImageWriter out = images.writer(ImageType.REMAP_FPATH)) {
                for (remap_file_path_entry remap : remaps) {
                    out.write(remap);
                }
            }
        }
    }

    /**
     * Deleted files of a restore: made again under their name, or one that is free, and unlinked at
     * once. They are opened by the {@code /proc} link of a descriptor that we keep.
     */
    static final class Restored implements AutoCloseable {
        private final ImageDir images;
        private final Map<Integer, Integer> ghostByFile = new HashMap<>();
        private final Map<Integer, Integer> linkByFile = new HashMap<>();
        private final Map<Integer, reg_file_entry> unnamedByGhost = new HashMap<>();
        private final Map<Integer, Fd> firstByFile = new HashMap<>();
        private final Map<Integer, Fd> keepers = new HashMap<>();

        /**
         * @param ended gets the files of tasks that have ended
         */
        Restored(ImageDir images, ProcFile.Restored ended) {
            this.images = images;
            try (ImageReader in = images.reader(ImageType.REMAP_FPATH)) {
                for (remap_file_path_entry remap : in.readAll(remap_file_path_entry.parser())) {
                    switch (remap.getRemapType()) {
                        case GHOST -> ghostByFile.put(remap.getOrigId(), remap.getRemapId());
                        case PROCFS -> ended.remap(remap.getOrigId(), remap.getRemapId());
                        case LINKED -> linkByFile.put(remap.getOrigId(), remap.getRemapId());
                        default ->
                                throw new jcriu.errors.ImageFormatException(
                                        "remap-fpath.img",
                                        -1,
                                        "remap type " + remap.getRemapType() + " is not supported");
                    }
                }
            }
        }

        /** A file that open(2) made with O_TMPFILE can get a name yet: it is made so again. */
        void unnamed(reg_file_entry reg) {
            Integer ghost = ghostByFile.get(reg.getId());
            if (ghost != null) {
                unnamedByGhost.putIfAbsent(ghost, reg);
            }
        }

        /** The file entry whose path leads to this one's file, or null. */
        Integer linkOf(int fileId) {
            return linkByFile.get(fileId);
        }

        /** The deleted file of a file entry, opened; null if it is not deleted. */
        Fd open(int fileId, String name, int flags) {
            Integer id = ghostByFile.get(fileId);
            if (id == null) {
                return null;
            }
            Fd keeper = keepers.get(id);
            if (keeper == null) {
                keeper = create(id, name);
                keepers.put(id, keeper);
            }
            Fd first = firstByFile.remove(fileId);
            return first != null ? first : Fd.open(keeper.procPath(), flags);
        }

        private Fd create(int id, String name) {
            try (ImageReader in = images.reader(ImageType.GHOST_FILE, Integer.valueOf(id));
                    TemporaryParents parents = new TemporaryParents()) {
                parents.make(name);
                ghost_file_entry entry =
                        in.next(ghost_file_entry.parser())
                                .orElseThrow(
                                        () ->
                                                new jcriu.errors.ImageFormatException(
                                                        "ghost-file", 0, "is empty"));
                reg_file_entry unnamed = unnamedByGhost.get(id);
                Fd keeper;
                if (unnamed != null) {
                    String directory = TemporaryParents.parentOf(name);
                    long r =
                            Fd.tryOpen(
                                    directory,
                                    RegFile.openFlags(unnamed.getFlags()) | O_TMPFILE,
                                    entry.getMode() & 07777);
                    if (Native.failed(r)) {
                        throw refuse(name, r);
                    }
                    Fd first = new Fd(r, name);
                    firstByFile.put(unnamed.getId(), first);
                    keeper = Fd.open(first.procPath(), O_PATH);
                } else {
                    keeper = createNamed(id, name, entry);
                }
                if ((entry.getMode() & S_IFMT) == S_IFREG) {
                    try (Fd file = Fd.open(keeper.procPath(), O_RDWR)) {
                        fill(in, entry, file);
                    }
                }
                describe(entry, keeper.procPath());
                return keeper;
            }
        }

        private static Fd createNamed(int id, String name, ghost_file_entry entry) {
            boolean directory = (entry.getMode() & S_IFMT) == S_IFDIR;
            String path = name;
            long r = -Errno.EEXIST.number();
            for (int i = 0; r == -Errno.EEXIST.number() && i < 100; i++) {
                path = i == 0 ? name : name + ".jcriu-" + id + "-" + i;
                try (NativeMemory text = NativeMemory.cString(path)) {
                    r =
                            directory
                                    ? Native.call(Syscall.MKDIRAT, AT_FDCWD, text.address(), 0700)
                                    : Native.call(
                                            Syscall.MKNODAT,
                                            AT_FDCWD,
                                            text.address(),
                                            entry.getMode() & S_IFMT | 0600,
                                            entry.getRdev() & 0xffffffffL);
                }
            }
            if (Native.failed(r)) {
                throw refuse(name, r);
            }
            try {
                return Fd.open(path, O_PATH | O_NOFOLLOW);
            } finally {
                TemporaryParents.unlink(path, directory ? AT_REMOVEDIR : 0);
            }
        }

        private static JcriuException refuse(String name, long result) {
            return new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "cannot make the deleted file "
                                    + name
                                    + " again: "
                                    + Errno.ofResult(result).describe())
                    .withHint("its directory must exist and be writable");
        }

        /** Owner, mode and times; a change of the owner takes set-user-ID bits away. */
        private static void describe(ghost_file_entry entry, String path) {
            try (NativeMemory name = NativeMemory.cString(path);
                    NativeMemory times = NativeMemory.allocate(32)) {
                Native.check(
                        Native.call(
                                Syscall.FCHOWNAT,
                                AT_FDCWD,
                                name.address(),
                                entry.getUid(),
                                entry.getGid(),
                                0),
                        "change the owner of " + path);
                Native.check(
                        Native.call(
                                Syscall.FCHMODAT,
                                AT_FDCWD,
                                name.address(),
                                entry.getMode() & 07777),
                        "change the mode of " + path);
                if (entry.hasAtim() && entry.hasMtim()) {
                    times.putLong(0, entry.getAtim().getTvSec());
                    times.putLong(8, entry.getAtim().getTvUsec() * 1000);
                    times.putLong(16, entry.getMtim().getTvSec());
                    times.putLong(24, entry.getMtim().getTvUsec() * 1000);
                    Native.check(
                            Native.call(
                                    Syscall.UTIMENSAT,
                                    AT_FDCWD,
                                    name.address(),
                                    times.address(),
                                    0),
                            "set the times of " + path);
                }
            }
        }

        private static void fill(ImageReader in, ghost_file_entry entry, Fd file) {
            if (entry.getChunks()) {
                Native.check(
                        Native.call(Syscall.FTRUNCATE, file.number(), entry.getSize()),
                        "size " + file.name());
                while (true) {
                    var chunk = in.next(ghost_chunk_entry.parser());
                    if (chunk.isEmpty()) {
                        break;
                    }
                    put(file, in.raw(chunk.get().getLen()), chunk.get().getOff());
                }
            } else {
                put(file, in.rest(), 0);
            }
        }

        private static void put(Fd file, byte[] bytes, long offset) {
            try (NativeMemory buffer = NativeMemory.allocate(bytes.length)) {
                buffer.put(0, bytes);
                file.writeFully(buffer.address(), bytes.length, offset);
            }
        }

        @Override
        public void close() {
            keepers.values().forEach(Fd::close);
            firstByFile.values().forEach(Fd::close);
            keepers.clear();
            firstByFile.clear();
        }
    }
}
