package jcriu.resource;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.VmaStatus;
import jcriu.image.proto.jcriu_memory;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;
import jcriu.proc.MapsVma;
import jcriu.proc.ProcFs;
import jcriu.sys.FileStat;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Tracee;

/**
 * Turns the address space of a seed into that of a task: the vDSO moves to where it was, everything
 * else goes, the mappings of the image come.
 *
 * <pre>
 * seed:   seed's code | ... | vvar vdso | stack        + scratch and a parking place for the vDSO,
 * task:   program | heap | ... | vvar vdso | stack       where neither has anything
 * </pre>
 */
public final class AddressSpace {
    private static final long PAGE = 4096;
    private static final long LOWEST = 0x100000;
    private static final long HIGHEST = 0x7ffffffff000L;
    private static final long VSYSCALL = 0xffffffffff600000L;

    private AddressSpace() {}

    /**
     * An address where {@code length} bytes are free in all of these address spaces.
     *
     * @throws JcriuException if there is none
     */
    public static long findHole(List<mm_entry> mms, List<MapsVma> seed, long length) {
        List<long[]> taken = new ArrayList<>();
        for (mm_entry mm : mms) {
            for (vma_entry vma : mm.getVmasList()) {
                taken.add(new long[] {vma.getStart(), vma.getEnd()});
            }
        }
        for (MapsVma vma : seed) {
            taken.add(new long[] {vma.start(), vma.end()});
        }
        taken.sort((a, b) -> Long.compareUnsigned(a[0], b[0]));
        long at = LOWEST;
        long margin = 1 << 20; // stacks keep a gap below them
        for (long[] range : taken) {
            if (Long.compareUnsigned(range[0], HIGHEST) >= 0) {
                break;
            }
            if (range[0] - at >= length + 2 * margin) {
                return at + margin;
            }
            at = Math.max(at, range[1]);
        }
        if (HIGHEST - at >= length + 2 * margin) {
            return at + margin;
        }
        throw new JcriuException(
                Kind.RESTORE_REFUSED, "no address range of " + length + " bytes is free");
    }

    /**
     * Checks the mappings of an image: aligned, in order, in user space, and with nothing among
     * their flags and advice that would do more than describe a mapping.
     */
    public static void check(mm_entry mm, String file) {
        long end = 0;
        for (vma_entry vma : mm.getVmasList()) {
            boolean vsyscall = Vmas.is(vma, VmaStatus.VSYSCALL);
            boolean possible =
                    vsyscall
                            ? vma.getStart() == VSYSCALL && vma.getEnd() == VSYSCALL + PAGE
                            : vma.getStart() % PAGE == 0
                                    && vma.getEnd() % PAGE == 0
                                    && vma.getStart() >= end
                                    && vma.getEnd() > vma.getStart()
                                    && vma.getEnd() <= HIGHEST
                                    && vma.getPgoff() >= 0
                                    && vma.getPgoff() % PAGE == 0
                                    && (vma.getMadv() & ~Vmas.KNOWN_ADVICE) == 0;
            if (!possible) {
                throw new ImageFormatException(
                        file,
                        -1,
                        "mapping 0x"
                                + Long.toHexString(vma.getStart())
                                + "-0x"
                                + Long.toHexString(vma.getEnd())
                                + " is impossible");
            }
            if (!vsyscall) {
                end = vma.getEnd();
            }
        }
        AioRing.check(mm, file);
    }

    /** Whether a mapping is of a file of the images. */
    public static boolean isFile(vma_entry vma) {
        return Vmas.is(vma, VmaStatus.FILE_PRIVATE) || Vmas.is(vma, VmaStatus.FILE_SHARED);
    }

    /** Whether a mapping is of a SysV segment. */
    public static boolean isSysvShm(vma_entry vma) {
        return Vmas.is(vma, VmaStatus.SYSVIPC);
    }

    /** Bytes that the vDSO and its data take together. */
    public static long vdsoBytes(List<MapsVma> seed) {
        long bytes = 0;
        for (MapsVma vma : seed) {
            if (Vmas.isVdso(vma) || Vmas.isVvar(vma)) {
                bytes += vma.lengthBytes();
            }
        }
        return bytes;
    }

    /** Where an image wants the vDSO's code. */
    public static vma_entry vdso(mm_entry mm, String file) {
        for (vma_entry vma : mm.getVmasList()) {
            if (Vmas.is(vma, VmaStatus.VDSO)) {
                return vma;
            }
        }
        throw new ImageFormatException(file, -1, "has no vDSO, which is not supported");
    }

    /** The vDSO and its data, as a process has them whose vDSO is at {@code at}. */
    public static List<MapsVma> vdsoAt(List<MapsVma> seed, long at) {
        List<MapsVma> special = new ArrayList<>();
        long delta = at - vdsoStart(seed);
        for (MapsVma vma : seed) {
            if (Vmas.isVdso(vma) || Vmas.isVvar(vma)) {
                special.add(
                        new MapsVma(
                                vma.start() + delta,
                                vma.end() + delta,
                                vma.prot(),
                                vma.shared(),
                                vma.offset(),
                                vma.devMajor(),
                                vma.devMinor(),
                                vma.inode(),
                                vma.name(),
                                vma.deleted(),
                                vma.vmFlags(),
                                vma.kernelPageSizeBytes(),
                                vma.protectionKey()));
            }
        }
        return special;
    }

    /**
     * Adds the calls that leave only scratch and vDSO, the latter at {@code target}.
     *
     * @param special the vDSO and its data where they are now
     * @param scratch where the scratch area begins
     * @param parking where it ends, and the vDSO can stand meanwhile, or for good
     */
    public static void clear(
            List<MapsVma> special, long target, long scratch, long parking, RemoteBatch batch) {
        long parked = parked(special, parking);
        move(special, parked, batch);
        long parkingEnd = parking + vdsoBytes(special);
        batch.add("", Syscall.MUNMAP, 0, scratch);
        batch.add("", Syscall.MUNMAP, parkingEnd, HIGHEST - parkingEnd);
        move(vdsoAt(special, parked), target, batch);
    }

    /** Where the vDSO's code is when it and its data begin at {@code parking}. */
    public static long parked(List<MapsVma> special, long parking) {
        long first = Long.MAX_VALUE;
        for (MapsVma vma : special) {
            first = Math.min(first, vma.start());
        }
        return parking + vdsoStart(special) - first;
    }

    private static long vdsoStart(List<MapsVma> vmas) {
        for (MapsVma vma : vmas) {
            if (Vmas.isVdso(vma)) {
                return vma.start();
            }
        }
        throw new IllegalArgumentException("no vDSO among " + vmas.size() + " mappings");
    }

    /**
     * Adds the calls that leave scratch, vDSO, and of the parent's mappings those that the child
     * keeps, and make these what the child has there.
     *
     * @param special the vDSO and its data, where the child wants them, too
     */
    public static void keep(
            List<MapsVma> special,
            Inheritance kept,
            long scratch,
            long parking,
            RemoteBatch batch,
            Runnable flush) {
        java.util.TreeMap<Long, Long> stay = new java.util.TreeMap<>();
        for (MapsVma vma : special) {
            stay.put(vma.start(), vma.end());
        }
        for (int i = 0; i < kept.ranges().size(); i++) {
            stay.put(kept.ranges().start(i), kept.ranges().end(i));
        }
        stay.put(scratch, parking);
        stay.put(HIGHEST, HIGHEST);
        long end = 0;
        for (Map.Entry<Long, Long> range : stay.entrySet()) {
            if (range.getKey() > end) {
                if (!batch.fits(1, 0)) {
                    flush.run();
                }
                batch.add("", Syscall.MUNMAP, end, range.getKey() - end);
            }
            end = range.getValue();
        }
        kept.adjust(batch, flush);
    }

    /** Adds the calls that move the vDSO and its data so that its code is at {@code target}. */
    private static void move(List<MapsVma> special, long target, RemoteBatch batch) {
        long delta = target - vdsoStart(special);
        if (delta == 0) {
            return;
        }
        for (MapsVma vma : special) {
            batch.add(
                    "move " + vma.name(),
                    Syscall.MREMAP,
                    vma.start(),
                    vma.lengthBytes(),
                    vma.lengthBytes(),
                    MREMAP_MAYMOVE | MREMAP_FIXED,
                    vma.start() + delta);
        }
    }

    /** Whether the vDSO and its data are as long, and as far apart, in an image as here. */
    static boolean sameVdsoLayout(List<MapsVma> ours, mm_entry mm) {
        long[] theirs = new long[4];
        for (vma_entry vma : mm.getVmasList()) {
            if (Vmas.is(vma, VmaStatus.VDSO)) {
                theirs[0] = vma.getStart();
                theirs[1] = vma.getEnd();
            } else if (Vmas.is(vma, VmaStatus.VVAR)) {
                theirs[2] = theirs[2] == 0 ? vma.getStart() : theirs[2];
                theirs[3] = vma.getEnd();
            }
        }
        long[] here = new long[4];
        for (MapsVma vma : vdsoAt(ours, theirs[0])) {
            if (Vmas.isVdso(vma)) {
                here[0] = vma.start();
                here[1] = vma.end();
            } else {
                here[2] = here[2] == 0 ? vma.start() : here[2];
                here[3] = vma.end();
            }
        }
        return java.util.Arrays.equals(theirs, here);
    }

    /** Adds the mapping for the pages of a vDSO that is not this kernel's. */
    public static void map(VdsoStubs stubs, RemoteBatch batch) {
        batch.add(
                "map the vDSO of the dump",
                Syscall.MMAP,
                stubs.start(),
                stubs.length(),
                stubs.prot(),
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                -1,
                0);
    }

    /** Makes the mappings of the image. The task has no open descriptors: each open gets 0. */
    public static void map(
            List<vma_entry> vmas,
            RestoredFiles files,
            Tracee leader,
            RemoteBatch batch,
            Runnable flush,
            String image) {
        Map<Long, List<vma_entry>> byFile = new LinkedHashMap<>();
        List<vma_entry> parts = new ArrayList<>();
        for (vma_entry vma : vmas) {
            if (Vmas.is(vma, VmaStatus.VDSO)
                    || Vmas.is(vma, VmaStatus.VVAR)
                    || Vmas.is(vma, VmaStatus.VSYSCALL)) {
                continue;
            }
            if (isFile(vma)) {
                byFile.computeIfAbsent(vma.getShmid(), id -> new ArrayList<>()).add(vma);
            } else if (Vmas.is(vma, VmaStatus.SYSVIPC)) {
                makeRoom(batch, flush);
                if (files.segments().attach(vma, batch)) {
                    files.segments().protect(vma, batch);
                    advise(vma, batch);
                } else {
                    parts.add(vma);
                }
            } else if (Vmas.is(vma, VmaStatus.ANON_PRIVATE)) {
                mmap(vma, -1, batch, flush);
            } else if (Vmas.is(vma, VmaStatus.AIO_RING)) {
                // keeps its place
                mmap(
                        vma.toBuilder()
                                .setFlags(MAP_PRIVATE | MAP_ANONYMOUS)
                                .setProt(PROT_NONE)
                                .build(),
                        -1,
                        batch,
                        flush);
            } else {
                throw new JcriuException(
                        Kind.RESTORE_REFUSED,
                        image
                                + ": mapping 0x"
                                + Long.toHexString(vma.getStart())
                                + " has status 0x"
                                + Integer.toHexString(vma.getStatus())
                                + ", which is not supported yet");
            }
        }
        for (Map.Entry<Long, List<vma_entry>> file : byFile.entrySet()) {
            if (!batch.fits(5, 128)) {
                flush.run();
            }
            int flags = 0;
            for (vma_entry vma : file.getValue()) {
                flags |= openFlags(vma);
            }
            files.openToMap(file.getKey().intValue(), flags, batch);
            for (vma_entry vma : file.getValue()) {
                mmap(vma, 0, batch, flush);
            }
            if (!batch.fits(1, 0)) {
                flush.run();
            }
            batch.add("", Syscall.CLOSE, 0);
        }
        flush.run();
        files.segments().attachParts(parts, leader);
        for (vma_entry part : parts) {
            makeRoom(batch, flush);
            files.segments().protect(part, batch);
            advise(part, batch);
        }
        flush.run();
    }

    private static void makeRoom(RemoteBatch batch, Runnable flush) {
        if (!batch.fits(3 + 8, 0)) {
            flush.run();
        }
    }

    private static int openFlags(vma_entry vma) {
        if (vma.hasFdflags()) {
            return vma.getFdflags() & O_ACCMODE;
        }
        boolean sharedWrite =
                (vma.getFlags() & MAP_SHARED) != 0 && (vma.getProt() & PROT_WRITE) != 0;
        return sharedWrite ? O_RDWR : O_RDONLY;
    }

    private static void mmap(vma_entry vma, int fd, RemoteBatch batch, Runnable flush) {
        makeRoom(batch, flush);
        long length = vma.getEnd() - vma.getStart();
        batch.add(
                "map",
                Syscall.MMAP,
                vma.getStart(),
                length,
                vma.getProt(),
                vma.getFlags() & 0xffffffffL | MAP_FIXED,
                fd,
                fd == -1 ? 0 : vma.getPgoff());
        advise(vma, batch);
    }

    private static void advise(vma_entry vma, RemoteBatch batch) {
        long length = vma.getEnd() - vma.getStart();
        long madv = vma.getMadv();
        for (int advice = 0; madv != 0 && advice < 64; advice++) {
            if ((madv & 1L << advice) != 0) {
                batch.add("advise", Syscall.MADVISE, vma.getStart(), length, advice);
            }
        }
    }

    /**
     * Adds what the kernel keeps of an address space: {@code struct prctl_mm_map}, prctl(2).
     *
     * @param memory may be null
     */
    public static void describe(
            int pid, mm_entry mm, jcriu_memory memory, RestoredFiles files, RemoteBatch batch) {
        String exe = files.open(mm.getExeFileId()).procPath();
        boolean sameExe = hasExe(pid, exe);
        if (!sameExe) {
            batch.add(
                    "open the executable",
                    Syscall.OPENAT,
                    AT_FDCWD,
                    batch.cString(exe),
                    O_RDONLY,
                    0);
        }
        long auxv = batch.data(8 * mm.getMmSavedAuxvCount());
        for (int i = 0; i < mm.getMmSavedAuxvCount(); i++) {
            batch.putLong(auxv + 8L * i, mm.getMmSavedAuxv(i));
        }
        long[] fields = {
            mm.getMmStartCode(),
            mm.getMmEndCode(),
            mm.getMmStartData(),
            mm.getMmEndData(),
            mm.getMmStartBrk(),
            mm.getMmBrk(),
            mm.getMmStartStack(),
            mm.getMmArgStart(),
            mm.getMmArgEnd(),
            mm.getMmEnvStart(),
            mm.getMmEnvEnd(),
            auxv
        };
        long map = batch.data(8 * fields.length + 8);
        for (int i = 0; i < fields.length; i++) {
            batch.putLong(map + 8L * i, fields[i]);
        }
        batch.putInt(map + 8L * fields.length, 8 * mm.getMmSavedAuxvCount());
        batch.putInt(map + 8L * fields.length + 4, sameExe ? -1 : 0); // the executable's descriptor
        batch.add(
                "describe the address space",
                Syscall.PRCTL,
                PR_SET_MM,
                PR_SET_MM_MAP,
                map,
                8L * fields.length + 8,
                0);
        if (!sameExe) {
            batch.add("", Syscall.CLOSE, 0);
        }
        batch.tolerate(
                Syscall.PRCTL,
                ProcessConstants.PR_SET_THP_DISABLE,
                mm.getThpDisabled() ? 1 : 0,
                memory != null && mm.getThpDisabled() ? memory.getThpFlags() : 0,
                0,
                0);
    }

    /** Whether a task has an executable already: the kernel does not replace one that is mapped. */
    private static boolean hasExe(int pid, String path) {
        String link = "/proc/" + pid + "/exe";
        return ProcFs.readlink(link).equals(ProcFs.readlink(path))
                && FileStat.of(link).sameFile(FileStat.of(path));
    }

    /**
     * Adds the last things that concern memory: whether the task may dump core, and that nothing
     * can become executable from now on.
     *
     * @param memory may be null
     */
    public static void restoreLast(mm_entry mm, jcriu_memory memory, RemoteBatch batch) {
        if (mm.hasDumpable()) {
            // 2 is for the kernel alone to set; 0 is as private
            batch.add(
                    "set dumpable",
                    Syscall.PRCTL,
                    ProcessConstants.PR_SET_DUMPABLE,
                    mm.getDumpable() == 2 ? 0 : mm.getDumpable());
        }
        if (memory != null && memory.getMdwe() != 0) {
            batch.add(
                    "deny write and execute",
                    Syscall.PRCTL,
                    ProcessConstants.PR_SET_MDWE,
                    memory.getMdwe(),
                    0,
                    0,
                    0);
        }
    }
}
