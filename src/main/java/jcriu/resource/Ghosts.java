package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.ghost_chunk_entry;
import jcriu.image.proto.ghost_file_entry;
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

    void check(String subject, String name, FileStat stat) {
        if (stat.type() == S_IFDIR) {
            throw (UnsupportedStateException)
                    new UnsupportedStateException(
                                    subject
                                            + " is the deleted directory "
                                            + name
                                            + ", which is not supported")
                            .withHint("see docs/limits.md#deleted-directories");
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
            try (Fd file = Fd.open(contentPath, O_RDONLY);
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

    private static timeval time(long sec, long nsec) {
        return timeval.newBuilder().setTvSec(sec).setTvUsec(nsec / 1000).build();
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

    /** Deleted files of a restore: made again under a name that is free, opened, and unlinked. */
    static final class Restored implements AutoCloseable {
        private final ImageDir images;
        private final Map<Integer, Integer> remapIdByFile = new HashMap<>();
        private final Map<Integer, String> pathById = new HashMap<>();

        Restored(ImageDir images) {
            this.images = images;
            try (ImageReader in = images.reader(ImageType.REMAP_FPATH)) {
                for (remap_file_path_entry remap : in.readAll(remap_file_path_entry.parser())) {
                    if (remap.getRemapType() != remap_type.GHOST) {
                        throw new jcriu.errors.ImageFormatException(
                                "remap-fpath.img",
                                -1,
                                "remap type " + remap.getRemapType() + " is not supported");
                    }
                    remapIdByFile.put(remap.getOrigId(), remap.getRemapId());
                }
            }
        }

        /** Where the deleted file of a file entry can be opened, or null if it is not deleted. */
        String pathOf(int fileId, String name) {
            Integer id = remapIdByFile.get(fileId);
            if (id == null) {
                return null;
            }
            String path = pathById.get(id);
            if (path == null) {
                path = create(id, name);
                pathById.put(id, path);
            }
            return path;
        }

        private String create(int id, String name) {
            try (ImageReader in = images.reader(ImageType.GHOST_FILE, Integer.valueOf(id))) {
                ghost_file_entry entry =
                        in.next(ghost_file_entry.parser())
                                .orElseThrow(
                                        () ->
                                                new jcriu.errors.ImageFormatException(
                                                        "ghost-file", 0, "is empty"));
                String path = name;
                long r = -17;
                for (int i = 0; r == -17 && i < 100; i++) {
                    path = i == 0 ? name : name + ".jcriu-" + id + "-" + i;
                    r =
                            Fd.tryOpen(
                                    path,
                                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW,
                                    entry.getMode() & 07777);
                }
                if (Native.failed(r)) {
                    throw new JcriuException(
                                    Kind.RESTORE_REFUSED,
                                    "cannot make the deleted file "
                                            + name
                                            + " again: "
                                            + jcriu.errors.Errno.ofResult(r).describe())
                            .withHint("its directory must exist and be writable");
                }
                try (Fd file = new Fd(r, path)) {
                    fill(in, entry, file);
                    Native.call(Syscall.FCHOWN, file.number(), entry.getUid(), entry.getGid());
                    Native.call(Syscall.FCHMOD, file.number(), entry.getMode() & 07777);
                }
                return path;
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

        /** Unlinks the names again; open descriptors keep the files. */
        @Override
        public void close() {
            for (String path : pathById.values()) {
                try (NativeMemory name = NativeMemory.cString(path)) {
                    Native.call(Syscall.UNLINKAT, AT_FDCWD, name.address(), 0);
                }
            }
            pathById.clear();
        }
    }
}
