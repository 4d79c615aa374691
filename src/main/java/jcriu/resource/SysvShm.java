package jcriu.resource;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.IpcConstants.*;
import static jcriu.kernel.MmanConstants.*;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import jcriu.errors.Errno;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.RemoteSyscallException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.VmaStatus;
import jcriu.image.proto.ipc_desc_entry;
import jcriu.image.proto.ipc_shm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Capabilities;
import jcriu.proc.MapsVma;
import jcriu.proc.ShmSegment;
import jcriu.proc.Status;
import jcriu.proc.VmFlag;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Tracee;

/**
 * System V shared memory: the segments that tasks of a tree have attached, with their content.
 *
 * <p>A segment outlives the tasks, unless it is marked for destruction. A restore finds it alive,
 * then, and attaches it; else it makes it again, with the same id. The content is that of the dump
 * where nobody but the tree has used the segment since: others may count on what is in it.
 *
 * <pre>
 * mm vma shmid = segment id -> ipcns-shm-N: desc.id, size -> pagemap-shmem-ID
 * </pre>
 *
 * <p>Source: shmget(2), shmop(2), shmctl(2), sysvipc(7), {@code shm_next_id} in proc(5).
 */
public final class SysvShm {
    private static final Pattern NAME = Pattern.compile("/SYSV[0-9a-f]{8}");
    private static final int PERMISSIONS = 0777;
    private static final int PAGE = 4096;

    /** Larger than any address space, and all sums stay within a long. */
    private static final long MAX_BYTES = 1L << 50;

    private static final int SHMID_DS_SIZE = 128;
    private static final int TRIES = 3;

    private SysvShm() {}

    /** Whether a mapping is an attached segment, or a part of one; its inode is the id. */
    static boolean is(MapsVma vma) {
        return vma.shared()
                && vma.deleted()
                && vma.devMajor() == 0
                && NAME.matcher(vma.name()).matches();
    }

    /** The segment that a mapping is of; null if our IPC namespace has none like it. */
    static ShmSegment find(MapsVma vma) {
        ShmSegment segment = ShmSegment.readAll().get((int) vma.inode());
        boolean itself =
                segment != null
                        && segment.attached() > 0
                        && vma.offset() + vma.lengthBytes() <= roundUp(segment, vma)
                        // the name has the key; marking for destruction takes the key away
                        && ((segment.mode() & SHM_DEST) != 0
                                || vma.name().equals(String.format("/SYSV%08x", segment.key())));
        return itself ? segment : null;
    }

    private static long roundUp(ShmSegment segment, MapsVma vma) {
        long page = Math.max(PAGE, vma.kernelPageSizeBytes());
        return segment.sizeBytes() + page - 1 & -page;
    }

    /** The entry of a mapping. */
    static vma_entry.Builder dump(MapsVma vma, vma_entry.Builder entry) {
        return entry.setPgoff(vma.offset())
                .setShmid(vma.inode())
                .setFlags(MAP_SHARED | (vma.has(VmFlag.LO) ? MAP_LOCKED : 0))
                .setStatus(VmaStatus.REGULAR | VmaStatus.SYSVIPC)
                .setFdflags(vma.has(VmFlag.MW) ? O_RDWR : O_RDONLY);
    }

    /** The entry of a segment. */
    static ipc_shm_entry dump(ShmSegment segment, long pageSize) {
        ipc_shm_entry.Builder entry =
                ipc_shm_entry
                        .newBuilder()
                        .setDesc(
                                ipc_desc_entry
                                        .newBuilder()
                                        .setKey(segment.key())
                                        .setUid(segment.uid())
                                        .setGid(segment.gid())
                                        .setCuid(segment.cuid())
                                        .setCgid(segment.cgid())
                                        .setMode(segment.mode())
                                        .setId(segment.id()))
                        .setSize(segment.sizeBytes())
                        .setInPagemaps(true);
        if (pageSize != PAGE) {
            entry.setHugetlbFlag(
                    SHM_HUGETLB | Long.numberOfTrailingZeros(pageSize) << MAP_HUGE_SHIFT);
        }
        return entry.build();
    }

    // ------------------------------------------------------------------ restore

    /** Fills a segment with what the images hold. */
    interface Filler {
        void fill(long id, long size, boolean huge, Fd object);
    }

    /** The segments of a restore. */
    public static final class Restored {
        private final Map<Integer, ipc_shm_entry> segments = new LinkedHashMap<>();
        private final List<Integer> made = new ArrayList<>();
        private final String image;

        private Restored(String image) {
            this.image = image;
        }

        static Restored read(ImageDir images) {
            int namespace = images.inventory().getRootIds().getIpcNsId();
            Restored all = new Restored(ImageType.IPCNS_SHM.fileName(namespace));
            try (ImageReader in = images.reader(ImageType.IPCNS_SHM, namespace)) {
                for (ipc_shm_entry segment : in.readAll(ipc_shm_entry.parser())) {
                    all.add(segment);
                }
            }
            return all;
        }

        private void add(ipc_shm_entry segment) {
            int id = segment.getDesc().getId();
            String fault = null;
            if (id < 0 || segments.put(id, segment) != null) {
                fault = "is impossible or double";
            } else if (segment.getSize() <= 0 || segment.getSize() > MAX_BYTES) {
                fault = "has an impossible size";
            } else if (!segment.getInPagemaps()) {
                fault = "has its content in this file, which is not supported";
            }
            if (fault != null) {
                throw new ImageFormatException(
                        image, -1, "segment " + Integer.toUnsignedString(id) + " " + fault);
            }
        }

        /** All entries, for checking. */
        Iterable<ipc_shm_entry> entries() {
            return segments.values();
        }

        /** Checks a mapping. */
        void checkMapping(vma_entry vma) {
            ipc_shm_entry segment = segments.get((int) vma.getShmid());
            if (segment == null
                    || vma.getShmid() >>> 32 != 0
                    || vma.getPgoff() + vma.getEnd() - vma.getStart() > bytes(segment)) {
                throw new ImageFormatException(
                        image,
                        -1,
                        "has no segment "
                                + Long.toUnsignedString(vma.getShmid())
                                + " as large as the mapping at 0x"
                                + Long.toHexString(vma.getStart()));
            }
        }

        /**
         * Refuses, before anything is made, segments that are somebody else's by now, or cannot be
         * made again.
         */
        public void check() {
            if (segments.isEmpty()) {
                return;
            }
            Map<Integer, ShmSegment> alive = ShmSegment.readAll();
            for (ipc_shm_entry wanted : segments.values()) {
                ipc_desc_entry desc = wanted.getDesc();
                ShmSegment there = alive.get(desc.getId());
                if (there == null) {
                    checkFree(wanted, alive);
                } else if (there.key() != desc.getKey() || there.sizeBytes() != wanted.getSize()) {
                    throw refuse(
                            wanted,
                            "there is another of that id now, with key 0x"
                                    + Integer.toHexString(there.key())
                                    + " and "
                                    + there.sizeBytes()
                                    + " bytes",
                            "restore when it is gone; ipcs -m lists segments, ipcrm removes them");
                }
            }
        }

        private static void checkFree(ipc_shm_entry wanted, Map<Integer, ShmSegment> alive) {
            int key = wanted.getDesc().getKey();
            for (ShmSegment segment : alive.values()) {
                if (key != IPC_PRIVATE && segment.key() == key) {
                    throw refuse(
                            wanted,
                            "segment " + segment.id() + " has its key now",
                            "restore when it is gone; ipcs -m lists segments, ipcrm removes them");
                }
            }
            Capabilities caps = Capabilities.effective();
            if (!caps.has(Capabilities.CAP_CHECKPOINT_RESTORE)
                    && !caps.has(Capabilities.CAP_SYS_ADMIN)) {
                throw refuse(
                        wanted,
                        "jcriu lacks the capability CAP_CHECKPOINT_RESTORE to give it its id",
                        "run it as root");
            }
        }

        private static JcriuException refuse(ipc_shm_entry wanted, String why, String hint) {
            return new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "cannot make " + describe(wanted) + " again: " + why)
                    .withHint(hint);
        }

        private static String describe(ipc_shm_entry segment) {
            return "SysV segment "
                    + segment.getDesc().getId()
                    + " (key 0x"
                    + Integer.toHexString(segment.getDesc().getKey())
                    + ", "
                    + segment.getSize()
                    + " bytes)";
        }

        /**
         * Makes and fills what is not there, and fills what only the tree has used. The root's seed
         * makes and attaches: a segment remembers whose process did.
         *
         * @param tree the pids of all tasks
         */
        void make(Tracee seed, Set<Integer> tree, Filler filler) {
            if (segments.isEmpty()) {
                return;
            }
            Map<Integer, ShmSegment> alive = ShmSegment.readAll();
            for (ipc_shm_entry wanted : segments.values()) {
                ShmSegment there = alive.get(wanted.getDesc().getId());
                if (there == null) {
                    create(seed, wanted);
                } else if (there.attached() > 0
                        || there.lastPid() != 0 && !tree.contains(there.lastPid())) {
                    continue; // somebody else's content, too
                }
                fill(seed, wanted, there != null, filler);
                own(wanted);
            }
        }

        private void create(Tracee seed, ipc_shm_entry wanted) {
            ipc_desc_entry desc = wanted.getDesc();
            for (int tries = 1; ; tries++) {
                nextId(desc.getId());
                long id = get(seed, wanted);
                if (Native.failed(id)) {
                    nextId(-1);
                    throw new RemoteSyscallException(
                            seed.tid(),
                            "make " + describe(wanted) + ": shmget",
                            Errno.ofResult(id));
                }
                made.add((int) id);
                if (id == desc.getId()) {
                    return;
                }
                remove((int) id);
                made.remove(made.size() - 1);
                if (tries == TRIES) {
                    throw refuse(
                            wanted,
                            "the kernel gives the id " + id + ": another segment has the slot",
                            "restore when it is gone; ipcs -m lists segments, ipcrm removes them");
                }
            }
        }

        /** The creator of a segment stays its second owner, whoever IPC_SET makes the first. */
        private static long get(Tracee seed, ipc_shm_entry wanted) {
            ipc_desc_entry desc = wanted.getDesc();
            Status ours = Status.read(seed.pid());
            boolean other = desc.getCuid() != ours.uids()[1] || desc.getCgid() != ours.gids()[1];
            if (other) {
                seed.require(Syscall.SETRESGID, -1, desc.getCgid() & 0xffffffffL, -1);
                seed.require(Syscall.SETRESUID, -1, desc.getCuid() & 0xffffffffL, -1);
            }
            long id =
                    seed.call(
                            Syscall.SHMGET,
                            desc.getKey(),
                            wanted.getSize(),
                            IPC_CREAT
                                    | IPC_EXCL
                                    | wanted.getHugetlbFlag()
                                    | desc.getMode() & PERMISSIONS);
            if (other) {
                seed.require(Syscall.SETRESUID, -1, ours.uids()[1] & 0xffffffffL, -1);
                seed.require(Syscall.SETRESGID, -1, ours.gids()[1] & 0xffffffffL, -1);
            }
            return id;
        }

        private static void nextId(int id) {
            byte[] text = Integer.toString(id).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
            try (Fd file = Fd.open("/proc/sys/kernel/shm_next_id", O_WRONLY);
                    NativeMemory bytes = NativeMemory.allocate(text.length)) {
                bytes.put(0, text);
                file.writeFully(bytes.address(), text.length, 0);
            }
        }

        private static void fill(Tracee seed, ipc_shm_entry wanted, boolean used, Filler filler) {
            int id = wanted.getDesc().getId();
            long at = seed.require(Syscall.SHMAT, id, 0, 0);
            String range = Long.toHexString(at) + "-" + Long.toHexString(at + bytes(wanted));
            try (Fd object = Fd.open("/proc/" + seed.pid() + "/map_files/" + range, O_RDWR)) {
                if (used) {
                    Native.check(
                            Native.call(
                                    Syscall.FALLOCATE,
                                    object.number(),
                                    FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
                                    0,
                                    bytes(wanted)),
                            "empty " + describe(wanted));
                }
                filler.fill(id, wanted.getSize(), wanted.getHugetlbFlag() != 0, object);
            }
            seed.require(Syscall.SHMDT, at);
        }

        private static void own(ipc_shm_entry wanted) {
            ipc_desc_entry desc = wanted.getDesc();
            try (NativeMemory ds = NativeMemory.allocate(SHMID_DS_SIZE)) {
                // struct ipc64_perm {key, uid, gid, cuid, cgid, mode}
                ds.put(0, new byte[SHMID_DS_SIZE]);
                ds.putInt(4, desc.getUid());
                ds.putInt(8, desc.getGid());
                ds.putInt(20, desc.getMode() & PERMISSIONS);
                Native.check(
                        Native.call(Syscall.SHMCTL, desc.getId(), IPC_SET, ds.address()),
                        "set the owner of " + describe(wanted));
            }
            if ((desc.getMode() & SHM_LOCKED) != 0) {
                Native.check(
                        Native.call(Syscall.SHMCTL, desc.getId(), SHM_LOCK, 0),
                        "lock " + describe(wanted));
            }
        }

        private static long bytes(ipc_shm_entry segment) {
            int huge = segment.getHugetlbFlag() >>> MAP_HUGE_SHIFT;
            long page = huge == 0 ? PAGE : 1L << huge;
            return segment.getSize() + page - 1 & -page;
        }

        private static void remove(int id) {
            Native.call(Syscall.SHMCTL, id, IPC_RMID, 0);
        }

        /**
         * Adds the calls that attach a segment where a task had it whole.
         *
         * @return whether it did; parts take {@link #attachParts}
         */
        boolean attach(vma_entry vma, RemoteBatch batch) {
            if (vma.getPgoff() != 0
                    || vma.getEnd() - vma.getStart() != bytes(segments.get((int) vma.getShmid()))) {
                return false;
            }
            batch.add(
                    "attach a SysV segment",
                    Syscall.SHMAT,
                    vma.getShmid(),
                    vma.getStart(),
                    attachFlags(vma));
            return true;
        }

        /**
         * Makes the mappings of segments that tasks had in parts: mprotect(2) and the like cut an
         * attachment, and each part counts. All other mappings are there, so that the kernel finds
         * a free place for the whole first.
         */
        void attachParts(List<vma_entry> parts, Tracee leader) {
            Map<List<Long>, List<vma_entry>> attachments = new LinkedHashMap<>();
            for (vma_entry part : parts) {
                // shmdt(2) knows the parts of one attachment by this address
                long attachedAt = part.getStart() - part.getPgoff();
                attachments
                        .computeIfAbsent(
                                List.of(part.getShmid(), attachedAt, (long) attachFlags(part)),
                                key -> new ArrayList<>())
                        .add(part);
            }
            for (List<vma_entry> attachment : attachments.values()) {
                vma_entry first = attachment.get(0);
                long at = leader.require(Syscall.SHMAT, first.getShmid(), 0, attachFlags(first));
                for (vma_entry part : attachment) {
                    long length = part.getEnd() - part.getStart();
                    leader.require(
                            Syscall.MREMAP,
                            at + part.getPgoff(),
                            length,
                            length,
                            MREMAP_MAYMOVE | MREMAP_FIXED,
                            part.getStart());
                }
                // what has moved away is no error
                leader.require(Syscall.MUNMAP, at, bytes(segments.get((int) first.getShmid())));
            }
        }

        private static int attachFlags(vma_entry vma) {
            return (vma.getFdflags() & O_ACCMODE) == O_RDONLY ? SHM_RDONLY : 0;
        }

        /** Adds the calls that give a mapping what shmat(2) does not. */
        void protect(vma_entry vma, RemoteBatch batch) {
            long length = vma.getEnd() - vma.getStart();
            int natural = attachFlags(vma) != 0 ? PROT_READ : PROT_READ | PROT_WRITE;
            if (vma.getProt() != natural) {
                batch.add(
                        "protect a SysV segment",
                        Syscall.MPROTECT,
                        vma.getStart(),
                        length,
                        vma.getProt());
            }
            if ((vma.getFlags() & MAP_LOCKED) != 0) {
                batch.add("lock a SysV segment", Syscall.MLOCK, vma.getStart(), length);
            }
        }

        /** Marks for destruction what was; all tasks have attached it. */
        void mark() {
            for (ipc_shm_entry segment : segments.values()) {
                if ((segment.getDesc().getMode() & SHM_DEST) != 0) {
                    Native.check(
                            Native.call(Syscall.SHMCTL, segment.getDesc().getId(), IPC_RMID, 0),
                            "mark " + describe(segment) + " for destruction");
                }
            }
        }

        /** The restore has failed: what was made goes. */
        void undo() {
            made.forEach(Restored::remove);
            made.clear();
        }
    }
}
