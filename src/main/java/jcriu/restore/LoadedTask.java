package jcriu.restore;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.errors.ImageFormatException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.TaskState;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.fdinfo_entry;
import jcriu.image.proto.fs_entry;
import jcriu.image.proto.jcriu_memory;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.pstree_entry;
import jcriu.image.proto.task_core_entry;
import jcriu.image.proto.task_kobj_ids_entry;
import jcriu.image.proto.vma_entry;
import jcriu.resource.AddressSpace;
import jcriu.resource.ForkPlan;
import jcriu.resource.Inheritance;
import jcriu.resource.MemoryExtras;
import jcriu.resource.VdsoStubs;
import jcriu.store.ChainRead;
import jcriu.store.PageRead;
import jcriu.store.PageTarget;

/** The images of one task, read and checked. */
final class LoadedTask {
    /** PID_MAX_LIMIT, proc_sys_kernel(5). */
    private static final int MAX_PID = 1 << 22;

    private static final String PSTREE = "pstree.img";

    final int pid;
    final int parentPid;
    final int pgid;
    final int sid;
    final List<Integer> tids;
    final List<LoadedTask> children = new ArrayList<>();
    LoadedTask parent;

    /** What CRIU's images have no place for; null if there is nothing. */
    jcriu_task extras;

    /** One for each thread, the leader's first; it holds the process's part. */
    final List<core_entry> cores = new ArrayList<>();

    mm_entry mm;
    fs_entry fs;
    List<fdinfo_entry> fds = List.of();

    /** Names the descriptor table: tasks with the same number share it; -1 if it has none. */
    int filesId = -1;

    /** Names its directories: tasks with the same number share them; -1 if it has none. */
    int fsId = -1;

    /** Its private pages, through all parents; null for a zombie. */
    PageRead pages;

    /** What stands for a vDSO that is not this kernel's; null if it is. */
    VdsoStubs vdsoStubs;

    /** Its place among those that clone and are cloned. */
    ForkPlan.Node node;

    /** What it keeps of the memory that it is cloned with. */
    Inheritance kept;

    /** Of {@link #mm}, which is without them. */
    final List<vma_entry> guards = new ArrayList<>();

    /** What is set when the memory stands; may be null. */
    jcriu_memory memory;

    private LoadedTask(pstree_entry entry) {
        pid = entry.getPid();
        parentPid = entry.getPpid();
        pgid = entry.getPgid();
        sid = entry.getSid();
        tids = entry.getThreadsList();
    }

    /** What stands for a process that is not in the images, and ends before the tree runs. */
    private LoadedTask(ForkPlan.Node node, int pid) {
        this.pid = pid;
        parentPid = 0;
        pgid = node.pgid();
        sid = node.sid();
        tids = List.of(pid);
        cores.add(core_entry.getDefaultInstance());
        kept = Inheritance.none(null);
        this.node = node;
    }

    static LoadedTask placeholder(ForkPlan.Node node, int pid) {
        return new LoadedTask(node, pid);
    }

    /** What it can keep of the memory of the one that clones it. */
    Inheritance inheritedFrom(LoadedTask maker) {
        if (mm == null || maker.mm == null) {
            return Inheritance.none(mm);
        }
        if (maker.vdsoStubs == null != (vdsoStubs == null)) {
            return Inheritance.none(mm); // the kernel's vDSO is elsewhere in each
        }
        return Inheritance.of(maker.mm, maker.pages.runs(), mm, pages.runs());
    }

    task_core_entry tc() {
        return cores.get(0).getTc();
    }

    boolean zombie() {
        int state = tc().getTaskState();
        return state == TaskState.ZOMBIE || state == TaskState.DEAD;
    }

    boolean stopped() {
        return tc().getTaskState() == TaskState.STOPPED;
    }

    String coreFile() {
        return ImageType.CORE.fileName(pid);
    }

    String mmFile() {
        return ImageType.MM.fileName(pid);
    }

    /** Reads a whole tree; the root comes first, parents before children. */
    static List<LoadedTask> readTree(ImageDir images) {
        if (images.inventory().hasPreDumpMode()) {
            throw (ImageFormatException)
                    new ImageFormatException(
                                    images.directory().toString(), -1, "is a pre-dump: memory only")
                            .withHint("restore the dump that has it as its parent");
        }
        if (images.verifying()) {
            ChainRead.requireOwnParents(images);
        }
        List<LoadedTask> tasks = new ArrayList<>();
        Map<Integer, LoadedTask> byPid = new HashMap<>();
        Set<Integer> tids = new HashSet<>();
        try (ImageReader in = images.reader(ImageType.PSTREE)) {
            for (pstree_entry entry : in.readAll(pstree_entry.parser())) {
                LoadedTask task = new LoadedTask(entry);
                task.checkIds(tids);
                byPid.put(task.pid, task);
                if (!tasks.isEmpty()) {
                    // parents come first, so there are no cycles
                    task.parent = byPid.get(task.parentPid);
                    if (task.parent == null || task.parent == task) {
                        throw new ImageFormatException(
                                PSTREE,
                                -1,
                                "task "
                                        + task.pid
                                        + " has no parent "
                                        + Integer.toUnsignedString(task.parentPid));
                    }
                    task.parent.children.add(task);
                }
                tasks.add(task);
            }
        }
        if (tasks.isEmpty()) {
            throw new ImageFormatException(PSTREE, -1, "has no task");
        }
        Map<Integer, jcriu_memory> memories = MemoryExtras.read(images);
        Map<Integer, List<fdinfo_entry>> tables = new HashMap<>();
        for (LoadedTask task : tasks) {
            task.memory = memories.get(task.pid);
            task.read(images, tables);
        }
        return tasks;
    }

    /** No id stands for two tasks or threads, and all could be ids. */
    private void checkIds(Set<Integer> all) {
        String what = null;
        if (pid <= 0 || pid > MAX_PID || tids.isEmpty() || tids.get(0) != pid) {
            what = "task " + Integer.toUnsignedString(pid) + " is impossible";
        } else if (pgid < 0 || pgid > MAX_PID || sid < 0 || sid > MAX_PID) {
            what = "task " + pid + " has an impossible session or process group";
        }
        for (int tid : tids) {
            if (what == null && (tid <= 0 || tid > MAX_PID || !all.add(tid))) {
                what = "thread " + Integer.toUnsignedString(tid) + " is impossible or double";
            }
        }
        if (what != null) {
            throw new ImageFormatException(PSTREE, -1, what);
        }
    }

    private void read(ImageDir images, Map<Integer, List<fdinfo_entry>> tables) {
        for (int tid : tids) {
            try (ImageReader in = images.reader(ImageType.CORE, tid)) {
                core_entry core = in.requireOne(core_entry.parser());
                if (core.getMtype() != core_entry.march.X86_64) {
                    throw new ImageFormatException(
                            ImageType.CORE.fileName(tid),
                            -1,
                            "is of the architecture " + core.getMtype() + ", not of this one");
                }
                cores.add(core);
            }
        }
        if (!cores.get(0).hasTc()) {
            throw new ImageFormatException(coreFile(), -1, "has no process part");
        }
        if (zombie()) {
            return;
        }
        for (int i = 0; i < cores.size(); i++) {
            if (!cores.get(i).hasThreadInfo() || !cores.get(i).hasThreadCore()) {
                throw new ImageFormatException(
                        ImageType.CORE.fileName(tids.get(i)), -1, "has no registers");
            }
        }
        try (ImageReader in = images.reader(ImageType.MM, pid)) {
            mm = MemoryExtras.takeGuards(in.requireOne(mm_entry.parser()), guards);
            mm = MemoryExtras.withoutLocks(mm, memory);
        }
        AddressSpace.check(mm, mmFile());
        try (ImageReader in = images.reader(ImageType.FS, pid)) {
            fs = in.requireOne(fs_entry.parser());
        }
        try (ImageReader in = images.reader(ImageType.IDS, pid)) {
            task_kobj_ids_entry ids = in.requireOne(task_kobj_ids_entry.parser());
            filesId = ids.getFilesId();
            fsId = ids.getFsId();
        }
        fds = tables.computeIfAbsent(filesId, id -> readTable(images, id));
        pages =
                ChainRead.open(images, PageTarget.task(pid))
                        .orElseThrow(
                                () ->
                                        new ImageFormatException(
                                                ImageType.PAGEMAP.fileName(pid), -1, "is missing"));
    }

    private static List<fdinfo_entry> readTable(ImageDir images, int id) {
        if (!images.exists(ImageType.FDINFO, id)) {
            // a task without descriptors has one too, without entries
            throw new ImageFormatException(ImageType.FDINFO.fileName(id), -1, "is missing");
        }
        try (ImageReader in = images.reader(ImageType.FDINFO, id)) {
            return in.readAll(fdinfo_entry.parser());
        }
    }
}
