package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.proto.eventpoll_tfd_entry;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.fdinfo_entry;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.fown_entry;
import jcriu.image.proto.ghost_file_entry;
import jcriu.image.proto.ipc_shm_entry;
import jcriu.image.proto.memfd_inode_entry;
import jcriu.image.proto.reg_file_entry;
import jcriu.image.proto.remap_file_path_entry;
import jcriu.image.proto.remap_type;
import jcriu.image.proto.vma_entry;
import jcriu.store.ChainRead;
import jcriu.store.PageTarget;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;

/**
 * What the images of open files promise, checked before anything is opened or made: every id leads
 * somewhere, every number is one that the kernel could have given out, and every path is one that
 * it could have printed.
 */
public final class FilesCheck {
    /** Far above {@code /proc/sys/fs/nr_open} of any machine; tables are indexed by it. */
    private static final int MAX_FD = 1 << 26;

    /** PATH_MAX. */
    private static final int MAX_PATH = 4096;

    /** Larger than any address space, and all sums stay within a long. */
    private static final long MAX_OBJECT_BYTES = 1L << 50;

    private static final String FILES = "files.img";

    private final Map<Integer, file_entry> files = new HashMap<>();

    private final SysvShm.Restored segments;

    private FilesCheck(SysvShm.Restored segments) {
        this.segments = segments;
    }

    /**
     * Checks the images that describe files, without those of single tasks.
     *
     * @throws ImageFormatException for the first thing that is wrong
     */
    public static FilesCheck read(ImageDir images) {
        FilesCheck check = new FilesCheck(SysvShm.Restored.read(images));
        try (ImageReader in = images.reader(ImageType.FILES)) {
            for (file_entry file : in.readAll(file_entry.parser())) {
                if (check.files.put(file.getId(), file) != null) {
                    throw wrong(FILES, "file " + id(file.getId()) + " is there twice");
                }
            }
        }
        Set<Long> inodes = objects(images);
        for (ipc_shm_entry segment : check.segments.entries()) {
            pages(
                    images,
                    segment.getDesc().getId(),
                    segment.getSize(),
                    segment.getHugetlbFlag() != 0);
        }
        for (file_entry file : check.files.values()) {
            check.body(file, inodes);
        }
        check.remaps(images);
        return check;
    }

    private static ImageFormatException wrong(String image, String what) {
        return new ImageFormatException(image, -1, what);
    }

    private static String id(int id) {
        return Integer.toUnsignedString(id);
    }

    /** Every kind has its own part, which must be there. */
    private void body(file_entry file, Set<Long> inodes) {
        boolean there =
                switch (file.getType()) {
                    case REG -> file.hasReg();
                    case PIPE -> file.hasPipe();
                    case FIFO -> file.hasFifo();
                    case EVENTFD -> file.hasEfd();
                    case EVENTPOLL -> file.hasEpfd();
                    case SIGNALFD -> file.hasSgfd();
                    case TIMERFD -> file.hasTfd();
                    case MEMFD -> file.hasMemfd();
                    case TTY -> file.hasTty();
                    case INOTIFY -> file.hasIfy();
                    case FANOTIFY -> file.hasFfy();
                    case PIDFD -> file.hasPidfd();
                    default -> true; // refused by its kind
                };
        if (!there) {
            throw wrong(
                    FILES, "file " + id(file.getId()) + " lacks the part for " + file.getType());
        }
        if (file.hasReg()) {
            if (!External.isName(file.getReg())) {
                path(file.getReg().getName(), "file " + id(file.getId()));
            }
            position(file, file.getReg().getPos());
        }
        if (file.getType() == fd_types.FIFO && file.getFifo().hasRegfId()) {
            requirePath(file.getFifo().getRegfId(), "FIFO " + id(file.getId()));
            reg_file_entry reg = files.get(file.getFifo().getRegfId()).getReg();
            if (reg.hasMode() && (reg.getMode() & S_IFMT) != S_IFIFO) {
                throw wrong(FILES, "FIFO " + id(file.getId()) + " is none: " + reg.getName());
            }
        }
        if (file.getType() == fd_types.MEMFD) {
            position(file, file.getMemfd().getPos());
            if (!inodes.contains(file.getMemfd().getInodeId() & 0xffffffffL)) {
                throw wrong(
                        "memfd.img",
                        "has no inode "
                                + id(file.getMemfd().getInodeId())
                                + ", which file "
                                + id(file.getId())
                                + " needs");
            }
        }
    }

    private static void position(file_entry file, long position) {
        if (position < 0 && !isDirectory(file)) {
            throw wrong(
                    FILES,
                    "file "
                            + id(file.getId())
                            + " stands at byte "
                            + Long.toUnsignedString(position));
        }
    }

    /** What a directory's position means is known to its file system alone. */
    private static boolean isDirectory(file_entry file) {
        return file.hasReg()
                && (!file.getReg().hasMode() || (file.getReg().getMode() & S_IFMT) == S_IFDIR);
    }

    /** The kernel prints absolute paths without dots, and no path holds a NUL. */
    private static void path(String name, String whose) {
        if (!name.startsWith("/")
                || name.length() >= MAX_PATH
                || name.indexOf('\0') >= 0
                || (name + "/").contains("/../")
                || (name + "/").contains("/./")) {
            throw wrong(FILES, whose + " has an impossible path: " + printable(name));
        }
    }

    private static String printable(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < Math.min(80, text.length()); i++) {
            char c = text.charAt(i);
            out.append(c < ' ' || c == 0x7f ? '?' : c);
        }
        return text.length() > 80 ? out + "..." : out.toString();
    }

    /** Shared objects and their pagemaps; the ids that there are. */
    private static Set<Long> objects(ImageDir images) {
        Set<Long> ids = new HashSet<>();
        try (ImageReader in = images.reader(ImageType.MEMFD_INODE)) {
            for (memfd_inode_entry inode : in.readAll(memfd_inode_entry.parser())) {
                String what = "inode " + Long.toUnsignedString(inode.getInodeId());
                if (!ids.add(inode.getInodeId())) {
                    throw wrong("memfd.img", what + " is there twice");
                }
                if (inode.getSize() < 0 || inode.getSize() > MAX_OBJECT_BYTES) {
                    throw wrong(
                            "memfd.img",
                            what
                                    + " has an impossible size, "
                                    + Long.toUnsignedString(inode.getSize()));
                }
                if (inode.getName().indexOf('\0') >= 0 || inode.getName().length() >= MAX_PATH) {
                    throw wrong("memfd.img", what + " has an impossible name");
                }
                pages(
                        images,
                        inode.getShmid() & 0xffffffffL,
                        inode.getSize(),
                        inode.getHugetlbFlag() != 0);
            }
        }
        return ids;
    }

    private static void pages(ImageDir images, long id, long size, boolean huge) {
        Runs runs;
        try (ChainRead pages = ChainRead.open(images, PageTarget.object(id)).orElse(null)) {
            if (pages == null || pages.runs().isEmpty()) {
                return;
            }
            runs = pages.runs();
        }
        int last = runs.size() - 1;
        // a huge page is written whole, the last one too
        if (runs.end(last) - PagemapRun.PAGE_SIZE >= size && !huge) {
            throw wrong(
                    ImageType.SHMEM_PAGEMAP.fileName(id),
                    "run at 0x"
                            + Long.toHexString(runs.start(last))
                            + " goes past the end of the object ("
                            + size
                            + " bytes)");
        }
    }

    /** Checks that the SysV segment of a mapping is there, and as large. */
    public void segment(vma_entry vma) {
        segments.checkMapping(vma);
    }

    /**
     * Deleted files: each means a file with a path, and is a regular file with its image. The link
     * that stands for one is removed by the restore: it must be one that a dump makes.
     */
    private void remaps(ImageDir images) {
        try (ImageReader in = images.reader(ImageType.REMAP_FPATH)) {
            for (remap_file_path_entry remap : in.readAll(remap_file_path_entry.parser())) {
                requirePath(remap.getOrigId(), "a deleted file");
                if (remap.getRemapType() == remap_type.PROCFS && remap.getRemapId() <= 0) {
                    throw wrong("remap-fpath.img", "has a task " + remap.getRemapId());
                }
                if (remap.getRemapType() == remap_type.LINKED) {
                    requirePath(remap.getRemapId(), "the link to a deleted file");
                    String link = files.get(remap.getRemapId()).getReg().getName();
                    if (!LinkRemap.isLink(link)) {
                        throw wrong("remap-fpath.img", "no dump makes the link " + printable(link));
                    }
                }
                if (remap.getRemapType() == remap_type.GHOST) {
                    ghost(images, remap.getRemapId());
                }
            }
        }
    }

    private static void ghost(ImageDir images, int id) {
        try (ImageReader in = images.reader(ImageType.GHOST_FILE, Integer.valueOf(id))) {
            ghost_file_entry ghost = in.requireNext(ghost_file_entry.parser());
            if (ghost.getChunks() && (ghost.getSize() < 0 || ghost.getSize() > MAX_OBJECT_BYTES)) {
                throw wrong(
                        ImageType.GHOST_FILE.fileName(Integer.valueOf(id)),
                        "impossible size " + Long.toUnsignedString(ghost.getSize()));
            }
        }
    }

    /**
     * Checks that files send their signals to the tree alone.
     *
     * @param threads of all its tasks
     * @param groups that its tasks are in
     */
    public void owners(Set<Integer> threads, Set<Integer> groups) {
        for (file_entry file : files.values()) {
            fown_entry owner =
                    Fown.of(file, files.getOrDefault(file.getFifo().getRegfId(), file).getReg());
            boolean group = owner.getPidType() == F_OWNER_PGRP;
            if (owner.getPid() != 0 && !(group ? groups : threads).contains(owner.getPid())) {
                throw wrong(
                        FILES,
                        "file "
                                + id(file.getId())
                                + " sends its signals to "
                                + id(owner.getPid())
                                + ", outside the tree");
            }
        }
    }

    /** The entry of a file that somebody refers to. */
    public file_entry require(int id, String whose) {
        file_entry file = files.get(id);
        if (file == null) {
            throw wrong(FILES, "has no file " + id(id) + ", which is " + whose);
        }
        return file;
    }

    /** Checks that a file that somebody refers to has a path. */
    public void requirePath(int id, String whose) {
        if (!require(id, whose).hasReg()) {
            throw wrong(FILES, "file " + id(id) + ", which is " + whose + ", has no path");
        }
    }

    /**
     * Checks a table of descriptors.
     *
     * @return the numbers that are in use
     */
    public Set<Integer> table(List<fdinfo_entry> table, String image) {
        Set<Integer> numbers = new HashSet<>();
        for (fdinfo_entry fd : table) {
            if (fd.getFd() < 0 || fd.getFd() > MAX_FD) {
                throw wrong(image, "descriptor " + id(fd.getFd()) + " is impossible");
            }
            if (!numbers.add(fd.getFd())) {
                throw wrong(image, "descriptor " + fd.getFd() + " is there twice");
            }
            file_entry file = require(fd.getId(), "descriptor " + fd.getFd() + " of " + image);
            if (file.getType() != fd.getType()) {
                throw wrong(
                        image,
                        "descriptor "
                                + fd.getFd()
                                + " is of the kind "
                                + fd.getType()
                                + ", its file "
                                + id(fd.getId())
                                + " of the kind "
                                + file.getType());
            }
        }
        for (fdinfo_entry fd : table) {
            for (eventpoll_tfd_entry watch : files.get(fd.getId()).getEpfd().getTfdList()) {
                if (watch.getTfd() < 0 || watch.getTfd() > MAX_FD) {
                    throw wrong(
                            FILES,
                            "epoll file "
                                    + id(fd.getId())
                                    + " watches descriptor "
                                    + id(watch.getTfd()));
                }
            }
        }
        return numbers;
    }

    /** Checks the file of a mapping: what can be mapped has a path or is a shared object. */
    public void mapped(long id, String whose) {
        if (id < 0 || id > 0xffffffffL) {
            throw wrong(FILES, "has no file " + Long.toUnsignedString(id) + ", which is " + whose);
        }
        file_entry file = require((int) id, whose);
        if (!file.hasReg() && file.getType() != fd_types.MEMFD) {
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "file "
                                    + Long.toUnsignedString(id)
                                    + ", which is "
                                    + whose
                                    + ", is of the kind "
                                    + file.getType()
                                    + ", which jcriu does not map")
                    .withHint("see docs/limits.md#memory");
        }
    }
}
