package jcriu.resource;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.VmaStatus;
import jcriu.image.proto.vma_entry;
import jcriu.memory.PagemapScan;
import jcriu.proc.MapsVma;
import jcriu.proc.VmFlag;
import jcriu.store.Runs;

/**
 * Mappings of a task: what each is, and how it is mapped again.
 *
 * <p>Source: proc_pid_smaps(5), mmap(2), madvise(2).
 */
public final class Vmas {
    private static final VmFlag[] ADVICE_FLAGS = {
        VmFlag.RR, VmFlag.SR, VmFlag.DC, VmFlag.MG, VmFlag.HG, VmFlag.NH, VmFlag.DD, VmFlag.WF
    };
    private static final int[] ADVICE = {
        MADV_RANDOM,
        MADV_SEQUENTIAL,
        MADV_DONTFORK,
        MADV_MERGEABLE,
        MADV_HUGEPAGE,
        MADV_NOHUGEPAGE,
        MADV_DONTDUMP,
        MADV_WIPEONFORK
    };

    /**
     * Advice that only marks a mapping, as bits of {@code vma_entry.madv}. No other is applied:
     * some advice throws content away, MADV_REMOVE even that of the file.
     */
    static final long KNOWN_ADVICE = knownAdvice();

    private static final long REFUSED =
            VmFlag.of(VmFlag.PF, VmFlag.IO, VmFlag.MM, VmFlag.SF, VmFlag.SS, VmFlag.UM, VmFlag.UI);

    private Vmas() {}

    private static long knownAdvice() {
        long bits = 0;
        for (int advice : ADVICE) {
            bits |= 1L << advice;
        }
        return bits;
    }

    public static boolean isVdso(MapsVma vma) {
        return vma.name().equals("[vdso]");
    }

    public static boolean isVvar(MapsVma vma) {
        return vma.name().startsWith("[vvar");
    }

    public static boolean isVsyscall(MapsVma vma) {
        return vma.name().equals("[vsyscall]");
    }

    private static boolean isSpecial(MapsVma vma) {
        return isVdso(vma) || isVvar(vma) || isVsyscall(vma);
    }

    public static boolean isFile(MapsVma vma) {
        return vma.name().startsWith("/") && !isPrivateHuge(vma) && !AioRing.is(vma)
                || MemoryExtras.isNamedShared(vma);
    }

    public static boolean isSharedObject(MapsVma vma) {
        return vma.deleted()
                        && (SharedObjects.isAnonymous(vma.name()) && !isPrivateHuge(vma)
                                || vma.name().startsWith("/memfd:"))
                || MemoryExtras.isNamedShared(vma)
                || SysvShm.is(vma);
    }

    /** Private anonymous memory on huge pages: the kernel shows a file of its own for each. */
    private static boolean isPrivateHuge(MapsVma vma) {
        return !vma.shared()
                && vma.deleted()
                && vma.name().equals(SharedObjects.ANONYMOUS_HUGE)
                && vma.has(VmFlag.HT);
    }

    /** Appends the runs of a mapping whose pages are the task's own. */
    public static void scan(MapsVma vma, PagemapScan scan, Runs into) {
        if (AioRing.is(vma)) {
            into.add(vma.start(), vma.end());
            return;
        }
        scan.privatePages(vma.start(), vma.end(), isFile(vma), vma.has(VmFlag.GU), into);
    }

    /** The guard regions of a frozen task. */
    public static Runs guards(int pid, List<MapsVma> vmas) {
        Runs guards = new Runs();
        for (MapsVma vma : vmas) {
            if (vma.has(VmFlag.GU)) {
                try (PagemapScan scan = new PagemapScan(pid)) {
                    scan.guards(vma.start(), vma.end(), guards);
                }
            }
        }
        return guards;
    }

    /** The entries of a frozen task's guard regions; they stand behind those of its mappings. */
    public static List<vma_entry> dumpGuards(int pid, List<MapsVma> vmas) {
        Runs guards = guards(pid, vmas);
        List<vma_entry> entries = new ArrayList<>();
        for (int i = 0; i < guards.size(); i++) {
            entries.add(MemoryExtras.guard(guards.start(i), guards.end(i)));
        }
        return entries;
    }

    /** Whether pages of the mapping are the task's own, and must be looked at. */
    public static boolean hasPrivatePages(MapsVma vma) {
        return AioRing.is(vma) || !vma.shared() && !isVvar(vma) && !isVsyscall(vma) && !isVdso(vma);
    }

    /** The mappings for which {@link #hasPrivatePages} holds, in address order. */
    public static List<MapsVma> withPrivatePages(List<MapsVma> vmas) {
        return vmas.stream().filter(Vmas::hasPrivatePages).toList();
    }

    /**
     * The pages of the vDSO, all of them: they are the kernel's, and stand in all images, because a
     * restore under another kernel reads them, and because CRIU looks for them in a parent.
     */
    public static Runs vdso(List<MapsVma> vmas) {
        Runs pages = new Runs();
        vmas.stream().filter(Vmas::isVdso).forEach(vma -> pages.add(vma.start(), vma.end()));
        return pages;
    }

    /** The kernel gives these a protection key of its own, pkeys(7), and will again. */
    private static boolean isExecuteOnly(MapsVma vma) {
        return vma.prot() == PROT_EXEC;
    }

    /**
     * Refuses mappings that cannot be made again.
     *
     * @param watched whether it is we who have registered mappings with a userfaultfd
     */
    public static void check(int pid, List<MapsVma> vmas, boolean watched) {
        for (MapsVma vma : vmas) {
            String what = null;
            if (isSpecial(vma)) {
                continue;
            }
            if (vma.has(VmFlag.HT) && isFile(vma) && vma.deleted() && !isSharedObject(vma)) {
                what = "maps huge TLB pages of a deleted file";
            } else if (vma.has(VmFlag.PF) || vma.has(VmFlag.IO) || vma.has(VmFlag.MM)) {
                what = "maps device memory";
            } else if (vma.has(VmFlag.UM) || vma.has(VmFlag.UI) || vma.has(VmFlag.UW) && !watched) {
                what = "is registered with a userfaultfd of the program's own";
            } else if (vma.has(VmFlag.SS)) {
                what = "is a shadow stack";
            } else if ((vma.vmFlags() & REFUSED) != 0) {
                what = "has the flags " + VmFlag.describe(vma.vmFlags() & REFUSED);
            } else if (vma.protectionKey() != 0 && !isExecuteOnly(vma)) {
                what = "has protection key " + vma.protectionKey();
            } else if (SysvShm.is(vma) && SysvShm.find(vma) == null) {
                what = "is a SysV shared memory segment of another IPC namespace";
            } else if (AioRing.is(vma)) {
                what = AioRing.fault(pid, vma);
            } else if (!vma.name().isEmpty()
                    && !isFile(vma)
                    && !isPrivateHuge(vma)
                    && !vma.name().startsWith("[anon")
                    && !vma.name().equals("[heap]")
                    && !vma.name().equals("[uprobes]")
                    && !vma.name().startsWith("[stack")) {
                what = "is a mapping of " + vma.name();
            } else if (vma.name().equals("[uprobes]")) {
                what = "belongs to a uprobe";
            }
            if (what != null) {
                throw (UnsupportedStateException)
                        new UnsupportedStateException(
                                        "pid "
                                                + pid
                                                + " ("
                                                + Names.comm(pid)
                                                + "): memory at "
                                                + vma
                                                + " "
                                                + what
                                                + ", which is not supported yet")
                                .withHint("see docs/limits.md#memory");
            }
        }
    }

    /** The entries of a frozen task's mappings, in address order. */
    public static List<vma_entry> dump(int pid, List<MapsVma> vmas, FileTable files) {
        List<vma_entry> out = new ArrayList<>(vmas.size());
        Map<String, Integer> fileIds = new HashMap<>();
        for (int i = 0; i < vmas.size(); i++) {
            MapsVma vma = vmas.get(i);
            if (isVvar(vma)) {
                // one entry for all the parts, as other readers expect
                MapsVma last = vma;
                while (i + 1 < vmas.size() && isVvar(vmas.get(i + 1))) {
                    last = vmas.get(++i);
                }
                out.add(
                        anonymous(vma.start(), last.end(), vma)
                                .setStatus(
                                        VmaStatus.REGULAR | VmaStatus.ANON_PRIVATE | VmaStatus.VVAR)
                                .build());
                continue;
            }
            out.add(entry(pid, vma, files, fileIds));
        }
        return out;
    }

    private static vma_entry.Builder anonymous(long start, long end, MapsVma vma) {
        return base(start, end, vma)
                .setPgoff(0)
                .setShmid(0)
                .setFlags(
                        (vma.has(VmFlag.DP) ? MAP_DROPPABLE : MAP_PRIVATE)
                                | MAP_ANONYMOUS
                                | mmapFlags(vma))
                .setStatus(VmaStatus.REGULAR | VmaStatus.ANON_PRIVATE);
    }

    private static vma_entry.Builder base(long start, long end, MapsVma vma) {
        vma_entry.Builder entry =
                vma_entry.newBuilder().setStart(start).setEnd(end).setProt(vma.prot()).setFd(-1);
        long madv = 0;
        for (int i = 0; i < ADVICE.length; i++) {
            if (vma.has(ADVICE_FLAGS[i])) {
                madv |= 1L << ADVICE[i];
            }
        }
        if (madv != 0) {
            entry.setMadv(madv);
        }
        return entry;
    }

    private static int mmapFlags(MapsVma vma) {
        return (vma.has(VmFlag.HT) && isPrivateHuge(vma) ? hugeFlags(vma) : 0)
                | (vma.has(VmFlag.GD) ? MAP_GROWSDOWN : 0)
                | (vma.has(VmFlag.LO) ? MAP_LOCKED : 0)
                | (vma.has(VmFlag.NR) ? MAP_NORESERVE : 0);
    }

    private static int hugeFlags(MapsVma vma) {
        return MAP_HUGETLB
                | Long.numberOfTrailingZeros(vma.kernelPageSizeBytes()) << MAP_HUGE_SHIFT;
    }

    private static vma_entry entry(
            int pid, MapsVma vma, FileTable files, Map<String, Integer> fileIds) {
        if (isVsyscall(vma)) {
            return anonymous(vma.start(), vma.end(), vma)
                    .setStatus(VmaStatus.VSYSCALL | VmaStatus.ANON_PRIVATE)
                    .build();
        }
        if (AioRing.is(vma)) {
            return AioRing.dump(base(vma.start(), vma.end(), vma)).build();
        }
        if (!isFile(vma)) {
            vma_entry.Builder entry = anonymous(vma.start(), vma.end(), vma);
            if (isVdso(vma)) {
                entry.setStatus(VmaStatus.REGULAR | VmaStatus.ANON_PRIVATE | VmaStatus.VDSO);
            } else if (vma.name().equals("[heap]")) {
                entry.setStatus(VmaStatus.REGULAR | VmaStatus.ANON_PRIVATE | VmaStatus.HEAP);
            }
            return entry.build();
        }
        if (SysvShm.is(vma)) {
            files.segment(vma, mapFiles(pid, vma));
            return SysvShm.dump(vma, base(vma.start(), vma.end(), vma)).build();
        }
        int openFlags = vma.shared() && vma.has(VmFlag.MW) ? O_RDWR : O_RDONLY;
        String key =
                vma.devMajor()
                        + ":"
                        + vma.devMinor()
                        + ":"
                        + vma.inode()
                        + ":"
                        + vma.name()
                        + ":"
                        + vma.deleted()
                        + ":"
                        + openFlags;
        Integer id = fileIds.get(key);
        if (id == null) {
            id =
                    files.reference(
                            mapFiles(pid, vma),
                            "pid " + pid + " (" + Names.comm(pid) + "): memory at " + vma,
                            openFlags);
            fileIds.put(key, id);
        }
        int status = VmaStatus.REGULAR;
        status |= vma.shared() ? VmaStatus.FILE_SHARED : VmaStatus.FILE_PRIVATE;
        if (isSharedObject(vma)) {
            status |= VmaStatus.MEMFD;
        }
        return base(vma.start(), vma.end(), vma)
                .setPgoff(vma.offset())
                .setShmid(id)
                .setFlags((vma.shared() ? MAP_SHARED : MAP_PRIVATE) | mmapFlags(vma))
                .setStatus(status)
                .setFdflags(openFlags)
                .build();
    }

    private static String mapFiles(int pid, MapsVma vma) {
        return "/proc/"
                + pid
                + "/map_files/"
                + Long.toHexString(vma.start())
                + "-"
                + Long.toHexString(vma.end());
    }

    /** Bits of a status, for reading. */
    public static boolean is(vma_entry vma, int status) {
        return (vma.getStatus() & status) != 0;
    }
}
