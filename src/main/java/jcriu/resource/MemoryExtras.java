package jcriu.resource;

import static jcriu.kernel.MmanConstants.*;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.VmaStatus;
import jcriu.image.proto.jcriu_mapping;
import jcriu.image.proto.jcriu_memory;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.NumaMaps;
import jcriu.proc.ProcFs;
import jcriu.proc.VmFlag;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Scratch;

/**
 * What is set for mappings when all of them stand and are filled: guard regions, names, NUMA
 * policies, locking on fault, locking and merging of what is to come, seals. Guard regions have
 * entries among the mappings of the mm image; the rest stands in an image of our own.
 *
 * <p>Source: madvise(2), mbind(2), mlock(2), mseal(2), PR_SET_VMA(2const).
 */
public final class MemoryExtras {
    private static final String NAMED = "[anon:";
    private static final String NAMED_SHARED = "[anon_shmem:";

    private final List<jcriu_memory> tasks = new ArrayList<>();
    private final Set<Integer> unplaced = new HashSet<>();

    /**
     * Says of tasks, before the freeze, that they have no NUMA policies of mappings: to look takes
     * as long as there are pages. Of all others it is not known.
     */
    public void unplaced(Set<Integer> pids) {
        unplaced.addAll(pids);
    }

    /** Whether a mapping of a task has a NUMA policy that its first thread has not. */
    public static boolean hasPolicies(int pid, List<MapsVma> vmas) {
        return !policies(pid, vmas).isEmpty();
    }

    /** Policies of mappings by their first address, but those that are the first thread's. */
    private static Map<Long, NumaMaps.Policy> policies(int pid, List<MapsVma> vmas) {
        Map<Long, NumaMaps.Policy> policies = new HashMap<>(NumaMaps.read(pid));
        NumaMaps.Policy ofThread = NumaMaps.Policy.DEFAULT;
        for (MapsVma vma : vmas) {
            if (Vmas.isVdso(vma)) { // nobody gives it one: it shows what all have
                ofThread = policies.getOrDefault(vma.start(), NumaMaps.Policy.DEFAULT);
            }
        }
        policies.values().removeIf(ofThread::equals);
        policies.values().removeIf(NumaMaps.Policy.DEFAULT::equals);
        return policies;
    }

    /**
     * Whether mappings to come are locked: flags of mlockall(2), or 0. The kernel shows it nowhere,
     * but the scratch area is such a mapping: then more memory is locked than the mappings before
     * it.
     *
     * @param vmas the mappings before the scratch area was there
     */
    public static int lockFuture(int pid, List<MapsVma> vmas, Scratch scratch) {
        long locked = 0;
        for (MapsVma vma : vmas) {
            locked += vma.has(VmFlag.LO) ? vma.lengthBytes() : 0;
        }
        if (lockedBytes(pid) <= locked) {
            return 0;
        }
        for (MapsVma vma : Maps.readSmaps(pid)) {
            if (vma.contains(scratch.base())) {
                return !vma.has(VmFlag.LO)
                        ? 0
                        : MCL_FUTURE | (vma.has(VmFlag.LF) ? MCL_ONFAULT : 0);
            }
        }
        return 0;
    }

    private static long lockedBytes(int pid) {
        String status =
                new String(ProcFs.read("/proc/" + pid + "/status"), StandardCharsets.ISO_8859_1);
        int at = status.indexOf("\nVmLck:");
        if (at < 0) {
            return 0;
        }
        String line = status.substring(at + 7, status.indexOf('\n', at + 1));
        return Long.parseLong(line.replace("kB", "").strip()) * 1024;
    }

    /** Adds a frozen task. */
    public void dump(TaskState state, List<MapsVma> vmas, int lockFuture) {
        jcriu_memory.Builder memory = jcriu_memory.newBuilder().setPid(state.pid());
        if (state.mdwe() != 0) {
            memory.setMdwe(state.mdwe());
        }
        if (state.thpFlags() != 0) {
            memory.setThpFlags(state.thpFlags());
        }
        if (state.mergeAny()) {
            memory.setMergeAny(true);
        }
        if (lockFuture != 0) {
            memory.setLockFuture(lockFuture);
        }
        Map<Long, NumaMaps.Policy> policies =
                unplaced.contains(state.pid()) ? Map.of() : policies(state.pid(), vmas);
        for (MapsVma vma : vmas) {
            String name = nameOf(vma);
            boolean onFault = vma.has(VmFlag.LF);
            boolean sealed = vma.has(VmFlag.SL);
            NumaMaps.Policy policy = policies.get(vma.start());
            if (name == null && !onFault && !sealed && policy == null) {
                continue;
            }
            jcriu_mapping.Builder mapping =
                    jcriu_mapping.newBuilder().setStart(vma.start()).setEnd(vma.end());
            if (name != null) {
                mapping.setName(ByteString.copyFrom(name, StandardCharsets.UTF_8));
            }
            if (onFault) {
                mapping.setLockOnFault(true);
            }
            if (sealed) {
                mapping.setSealed(true);
            }
            if (policy != null) {
                mapping.setNumaMode(policy.mode())
                        .setNumaNodes(ByteString.copyFrom(policy.nodes().toByteArray()));
            }
            memory.addMappings(mapping);
        }
        if (memory.hasLockFuture()
                || memory.hasMdwe()
                || memory.hasThpFlags()
                || memory.hasMergeAny()
                || memory.getMappingsCount() > 0) {
            synchronized (tasks) {
                tasks.add(memory.build());
            }
        }
    }

    private static String nameOf(MapsVma vma) {
        String name = vma.name();
        for (String prefix : new String[] {NAMED, NAMED_SHARED}) {
            if (name.startsWith(prefix) && name.endsWith("]")) {
                return name.substring(prefix.length(), name.length() - 1);
            }
        }
        return null;
    }

    /** Whether a mapping is shared anonymous memory that was given a name. */
    static boolean isNamedShared(MapsVma vma) {
        return vma.name().startsWith(NAMED_SHARED);
    }

    /** Writes the image, if there is anything to say. */
    public void write(ImageDir images) {
        if (tasks.isEmpty()) {
            return;
        }
        try (ImageWriter out = images.writer(ImageType.JCRIU_MEMORY)) {
            tasks.forEach(out::write);
        }
    }

    /** The entry of a guard region, as it stands behind those of the mappings. */
    static vma_entry guard(long start, long end) {
        return vma_entry
                .newBuilder()
                .setStart(start)
                .setEnd(end)
                .setPgoff(0)
                .setShmid(0)
                .setProt(PROT_NONE)
                .setFlags(MAP_PRIVATE | MAP_ANONYMOUS)
                .setStatus(VmaStatus.GUARD)
                .setFd(-1)
                .build();
    }

    // ------------------------------------------------------------------ restore

    /** The image's entries, by pid. */
    public static Map<Integer, jcriu_memory> read(ImageDir images) {
        Map<Integer, jcriu_memory> tasks = new HashMap<>();
        try (ImageReader in = images.reader(ImageType.JCRIU_MEMORY)) {
            for (jcriu_memory task : in.readAll(jcriu_memory.parser())) {
                tasks.put(task.getPid(), task);
            }
        }
        return tasks;
    }

    /** Moves the guard regions of an image from its mappings into a list. */
    public static mm_entry takeGuards(mm_entry mm, List<vma_entry> guards) {
        mm_entry.Builder rest = mm.toBuilder().clearVmas();
        for (vma_entry vma : mm.getVmasList()) {
            if (Vmas.is(vma, VmaStatus.GUARD)) {
                guards.add(vma);
            } else {
                rest.addVmas(vma);
            }
        }
        return guards.isEmpty() ? mm : rest.build();
    }

    /** The mappings without the lock that would be taken at once for those locked on fault. */
    public static mm_entry withoutLocks(mm_entry mm, jcriu_memory memory) {
        if (memory == null) {
            return mm;
        }
        mm_entry.Builder out = mm.toBuilder();
        for (jcriu_mapping mapping : memory.getMappingsList()) {
            for (int i = 0; mapping.getLockOnFault() && i < out.getVmasCount(); i++) {
                vma_entry vma = out.getVmas(i);
                if (vma.getStart() == mapping.getStart() && vma.getEnd() == mapping.getEnd()) {
                    out.setVmas(i, vma.toBuilder().setFlags(vma.getFlags() & ~MAP_LOCKED));
                }
            }
        }
        return out.build();
    }

    /**
     * Adds what the leader does when its memory is filled, while it still has its privileges; no
     * mapping is made afterwards.
     *
     * @param memory null if there is nothing
     * @param vmas all mappings
     */
    public static void restore(
            jcriu_memory memory,
            List<vma_entry> vmas,
            List<vma_entry> guards,
            RemoteBatch batch,
            Runnable flush) {
        for (vma_entry guard : guards) {
            if (!batch.fits(1, 0)) {
                flush.run();
            }
            batch.add(
                    "install a guard region",
                    Syscall.MADVISE,
                    guard.getStart(),
                    guard.getEnd() - guard.getStart(),
                    MADV_GUARD_INSTALL);
        }
        if (memory == null) {
            return;
        }
        if (memory.getMergeAny()) {
            merge(vmas, batch, flush);
        }
        for (jcriu_mapping mapping : memory.getMappingsList()) {
            if (!batch.fits(4, 128 + NumaPolicy.MASK_BYTES)) {
                flush.run();
            }
            long length = mapping.getEnd() - mapping.getStart();
            if (mapping.hasName()) {
                // a kernel without names for mappings runs the program as well
                batch.tolerate(
                        Syscall.PRCTL,
                        PR_SET_VMA,
                        PR_SET_VMA_ANON_NAME,
                        mapping.getStart(),
                        length,
                        batch.cString(mapping.getName().toStringUtf8()));
            }
            if (mapping.hasNumaMode()) {
                byte[] nodes =
                        Arrays.copyOf(mapping.getNumaNodes().toByteArray(), NumaPolicy.MASK_BYTES);
                // a machine without those nodes runs the program as well
                batch.tolerate(
                        Syscall.MBIND,
                        mapping.getStart(),
                        length,
                        mapping.getNumaMode(),
                        mapping.getNumaNodes().isEmpty() ? 0 : batch.data(nodes),
                        mapping.getNumaNodes().isEmpty() ? 0 : NumaPolicy.MAX_NODE,
                        0);
            }
            if (mapping.getLockOnFault()) {
                batch.add(
                        "lock on fault", Syscall.MLOCK2, mapping.getStart(), length, MLOCK_ONFAULT);
            }
        }
        for (jcriu_mapping mapping : memory.getMappingsList()) {
            if (mapping.getSealed()) {
                if (!batch.fits(1, 0)) {
                    flush.run();
                }
                batch.add(
                        "seal a mapping",
                        Syscall.MSEAL,
                        mapping.getStart(),
                        mapping.getEnd() - mapping.getStart(),
                        0);
            }
        }
        if (memory.getLockFuture() != 0) {
            if (!batch.fits(1, 0)) {
                flush.run();
            }
            batch.add("lock future mappings", Syscall.MLOCKALL, memory.getLockFuture());
        }
    }

    /** Has all memory merged (KSM), but what the program has taken out of it. */
    private static void merge(List<vma_entry> vmas, RemoteBatch batch, Runnable flush) {
        // a kernel without KSM runs the program as well
        batch.tolerate(Syscall.PRCTL, ProcessConstants.PR_SET_MEMORY_MERGE, 1, 0, 0, 0);
        for (vma_entry vma : vmas) {
            if ((vma.getMadv() & 1L << MADV_MERGEABLE) == 0) {
                if (!batch.fits(1, 0)) {
                    flush.run();
                }
                batch.tolerate(
                        Syscall.MADVISE,
                        vma.getStart(),
                        vma.getEnd() - vma.getStart(),
                        MADV_UNMERGEABLE);
            }
        }
    }
}
