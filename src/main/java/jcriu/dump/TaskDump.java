package jcriu.dump;

import com.google.protobuf.ByteString;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.fs_entry;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.pstree_entry;
import jcriu.image.proto.task_core_entry;
import jcriu.image.proto.task_kobj_ids_entry;
import jcriu.image.proto.vma_entry;
import jcriu.memory.LostWrites;
import jcriu.memory.PagemapScan;
import jcriu.memory.PagesOut;
import jcriu.memory.Tracker;
import jcriu.memory.Workers;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.QuickFlags;
import jcriu.proc.Stat;
import jcriu.proc.VmFlag;
import jcriu.resource.FileTable;
import jcriu.resource.ForkPlan;
import jcriu.resource.MemoryExtras;
import jcriu.resource.Seccomp;
import jcriu.resource.StopState;
import jcriu.resource.TaskExtras;
import jcriu.resource.TaskState;
import jcriu.resource.ThreadState;
import jcriu.resource.Vmas;
import jcriu.store.PageRead;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.tracee.FrozenTask;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Scratch;
import jcriu.tracee.SignalFrame;
import jcriu.tracee.StackFrame;
import jcriu.tracee.Tracee;
import jcriu.tracee.Vdso;

/** One task of a tree while it is dumped: the steps, and what each found. */
final class TaskDump {
    private static final int PAGE = 4096;

    /** Room for the questions to one thread. */
    private static final int THREAD_BATCH = 5 << 8;

    private static final int CORES_PER_JOB = 8;

    private final FrozenTask task;
    private final int index;
    private List<MapsVma> vmas;

    /** Whether their flags are those of before the freeze. */
    private boolean flagsAreOld;

    /** The same as they are once the tracker is attached, with flags of this moment. */
    private List<MapsVma> settled;

    private final TaskState state;
    private final List<ThreadState> threads = new ArrayList<>();
    private final List<RemoteBatch> batches = new ArrayList<>();
    private Scratch scratch;

    /** Makes the calls that are not in a batch. */
    private Tracee caller;

    private int lockFuture;
    private final List<core_entry> cores = new ArrayList<>();
    private mm_entry mm;
    private fs_entry fs;
    private Runs runs = new Runs();
    private long pagesScanned;
    private long pagesWritten;
    private long pagesInParent;
    private Stat zombie;
    private List<Integer> tableHolders;
    private int filesId;
    private int fsId;
    private SharedDirectories directories;

    TaskDump(FrozenTask task, int index) {
        this.task = task;
        this.index = index;
        this.state = new TaskState(task);
        this.filesId = kobjId(index);
        this.fsId = kobjId(index);
        this.tableHolders = List.of(task.pid());
        if (task.zombie()) {
            zombie = Stat.read(task.pid());
        }
    }

    FrozenTask task() {
        return task;
    }

    long pagesScanned() {
        return pagesScanned;
    }

    long pagesWritten() {
        return pagesWritten;
    }

    long pagesInParent() {
        return pagesInParent;
    }

    /**
     * Says which tasks hold this task's descriptor table; the first of them dumps it.
     *
     * @param id names the table
     */
    void shareTable(List<Integer> holders, int id) {
        tableHolders = holders;
        filesId = id;
    }

    /**
     * Says which threads share directories.
     *
     * @param id names those of this task
     */
    void shareDirectories(SharedDirectories shared, int id) {
        directories = shared;
        fsId = id;
    }

    /** Names this task's memory and so on: none is shared with another task. */
    int kobjId() {
        return kobjId(index);
    }

    /** The same for the task at a position in the tree; 1 is jcriu itself. */
    static int kobjId(int index) {
        return index + 2;
    }

    /**
     * Reads the mappings. Needs no ptrace.
     *
     * @param watched whether we have registered mappings with a userfaultfd
     * @param earlier what smaps said before the freeze, of a task so large that it takes a while;
     *     else nothing
     * @param quick tells the flags of such a task without smaps. If there is none, or it does not
     *     know, they are read while its pages are looked for ({@link #look})
     */
    void readVmas(boolean watched, Optional<List<MapsVma>> earlier, Optional<QuickFlags> quick) {
        if (task.zombie()) {
            return;
        }
        Optional<List<MapsVma>> known =
                earlier.isPresent() && quick.isPresent()
                        ? quick.get().read(task.pid(), earlier.get())
                        : Optional.empty();
        if (known.isPresent()) {
            vmas = known.get();
            Vmas.check(task.pid(), vmas, watched);
            return;
        }
        if (earlier.isPresent()) {
            vmas = Maps.readAgain(task.pid(), earlier.get());
            flagsAreOld = vmas.stream().allMatch(TaskDump::mayBeOld);
            if (flagsAreOld) {
                return;
            }
        }
        vmas = Maps.readSmaps(task.pid());
        Vmas.check(task.pid(), vmas, watched);
    }

    /**
     * Not so where it is new, or its flags decide how the task is asked and its pages are found.
     */
    private static boolean mayBeOld(MapsVma vma) {
        return vma.vmFlags() != 0 && !vma.has(VmFlag.LO) && !vma.has(VmFlag.GU);
    }

    /** Reads what else can be seen from outside, and starts the questions in every thread. */
    void ask() {
        if (task.zombie()) {
            return;
        }
        findSyscall(task, vmas);
        for (Tracee thread : task.threads()) {
            ThreadState threadState = new ThreadState(thread);
            threadState.observe();
            threads.add(threadState);
        }
        int leaderBatch = state.observe() + THREAD_BATCH + PAGE - 1 & -PAGE;
        int frames = PAGE + leaderBatch + (threads.size() * THREAD_BATCH + PAGE - 1 & -PAGE);
        int size = frames + threads.get(0).wayBack().xstateSize();
        for (ThreadState thread : threads) {
            size += thread.wayBack().size();
        }
        List<SignalFrame> waysBack = new ArrayList<>(threads.size());
        threads.forEach(thread -> waysBack.add(thread.wayBack()));
        caller = StackFrame.give(waysBack, vmas);
        task.caller(caller);
        scratch = Scratch.map(caller, size + PAGE - 1 & -PAGE);
        lockFuture = MemoryExtras.lockFuture(task.pid(), vmas, scratch);
        long frame = scratch.base() + frames;
        for (int i = 0; i < threads.size(); i++) {
            RemoteBatch batch =
                    i == 0
                            ? scratch.part(0, leaderBatch)
                            : scratch.part(leaderBatch + i * THREAD_BATCH, THREAD_BATCH);
            batches.add(batch);
            threads.get(i).wayBack().write(frame);
            frame += threads.get(i).wayBack().size();
            threads.get(i).ask(batch);
            if (i == 0) {
                state.ask(batch);
            }
            batch.start(threads.get(i).thread());
        }
    }

    /** Tells all threads where the task has an instruction that enters the kernel. */
    static void findSyscall(FrozenTask task, List<MapsVma> vmas) {
        for (MapsVma vma : vmas) {
            if (Vmas.isVdso(vma)) {
                long address = vma.start() + Vdso.syscallOffset();
                task.threads().forEach(thread -> thread.syscallAddress(address));
                return;
            }
        }
        throw new jcriu.errors.UnsupportedStateException(
                "pid " + task.pid() + " has no vDSO, which is not supported");
    }

    /** Takes the answers; the task is as it was before, and still stopped. */
    void gather(Seccomp seccomp, StopState stops) {
        if (task.zombie()) {
            return;
        }
        for (int i = 0; i < threads.size(); i++) {
            batches.get(i).finish(threads.get(i).thread());
            threads.get(i).thread().putBack();
            threads.get(i).gather(seccomp);
        }
        state.gather();
        if (state.hasChildEvent()) {
            stops.gather(task, scratch, threads.get(0).wayBack());
        }
        scratch.unmap(caller);
        scratch = null;
    }

    /** Lets the tracker make its calls in the task; once those of our own are over. */
    void attach(Tracker tracker) {
        if (!task.zombie()) {
            tracker.attach(task, Vmas.withPrivatePages(vmas));
        }
    }

    /**
     * Jobs that look for the task's pages, and for the flags of its mappings: for these the kernel
     * walks all page tables.
     */
    void look(Optional<Tracker> tracker, Workers workers, List<Runnable> jobs) {
        if (task.zombie()) {
            return;
        }
        if (flagsAreOld) {
            jobs.add(() -> settled = Maps.readSmaps(task.pid()));
        } else if (tracker.isPresent()) { // neighbours, one of them watched, are one mapping now
            jobs.add(() -> settled = Maps.readAgain(task.pid(), vmas));
        }
        jobs.add(() -> scanMemory(tracker, workers));
    }

    /**
     * Goes by the mappings of this moment, when these jobs are over.
     *
     * @param watched whether we have registered mappings with a userfaultfd
     */
    void settle(boolean watched) {
        if (settled == null) {
            return;
        }
        vmas = settled;
        if (flagsAreOld) {
            Vmas.check(task.pid(), vmas, watched);
            runs = runs.minus(Vmas.guards(task.pid(), vmas)); // installed since
        }
    }

    /** Jobs that make the entries of all images; they need no ptrace and can run side by side. */
    void describe(
            FileTable files,
            TaskExtras extras,
            StopState stops,
            MemoryExtras memory,
            List<Runnable> jobs) {
        if (task.zombie()) {
            extras.dumpZombie(zombie);
            return;
        }
        jobs.add(
                () -> {
                    if (tableHolders.get(0) == task.pid()) {
                        files.dump(task.pid(), filesId, tableHolders);
                    }
                    List<vma_entry> entries = Vmas.dump(task.pid(), vmas, files);
                    entries.addAll(Vmas.dumpGuards(task.pid(), vmas));
                    mm = state.dumpMm(entries, files);
                    fs = state.dumpFs(files, threads.get(0).status());
                });
        cores.addAll(Collections.nCopies(threads.size(), null));
        for (int first = 0; first < threads.size(); first += CORES_PER_JOB) {
            int from = first;
            int to = Math.min(threads.size(), first + CORES_PER_JOB);
            jobs.add(() -> describeThreads(from, to));
        }
        Map<Integer, Integer> own = ownDirectories();
        jobs.add(() -> extras.dump(state, stops, threads, files, own));
        memory.dump(state, vmas, lockFuture);
    }

    /**
     * Threads that have left the directories of the process, with the first one of those that
     * share.
     */
    private Map<Integer, Integer> ownDirectories() {
        Map<Integer, Integer> own = new HashMap<>();
        int process = directories.owner(task.pid());
        for (Tracee thread : task.threads()) {
            int owner = directories.owner(thread.tid());
            if (owner != process) {
                own.put(thread.tid(), owner);
            }
        }
        return own;
    }

    private void describeThreads(int from, int to) {
        for (int i = from; i < to; i++) {
            core_entry.Builder core = threads.get(i).dump();
            if (i == 0) {
                core.setTc(state.dump());
            }
            cores.set(i, core.build());
        }
    }

    /** The answers are no longer needed. */
    void close() {
        for (RemoteBatch batch : batches) {
            batch.close();
        }
    }

    /** Where a failure left a scratch area behind, takes it away again. */
    void undo() {
        if (scratch == null) {
            return;
        }
        for (int i = 0; i < batches.size(); i++) {
            Tracee thread = threads.get(i).thread();
            if (!thread.awaitQuiet()) {
                return;
            }
            thread.putBack();
        }
        scratch.unmap(caller);
        scratch = null;
    }

    private void scanMemory(Optional<Tracker> tracker, Workers workers) {
        List<MapsVma> own = Vmas.withPrivatePages(vmas);
        try (PagemapScan scan = new PagemapScan(task.pid(), workers)) {
            if (tracker.isPresent()) {
                runs = tracker.get().look(task.pid(), own, Vmas::scan, scan);
            } else {
                own.forEach(vma -> Vmas.scan(vma, scan, runs));
            }
            pagesScanned = scan.pagesScanned();
        }
        runs = runs.or(Vmas.vdso(vmas));
    }

    /**
     * Copies the private pages.
     *
     * @param parent the task's pages in the parent images, if there are any
     */
    void copyPages(
            PageXfer into, Optional<? extends PageRead> parent, Tracker tracker, Workers workers) {
        Runs unchanged =
                parent.isPresent()
                        ? LostWrites.in(
                                tracker.unchanged(task.pid(), runs, parent.get(), workers, false),
                                runs,
                                parent.get())
                        : new Runs();
        Runs data = runs.minus(unchanged);
        PagesOut.plan(data, unchanged, into);
        PagesOut.copy(tracker.source(task.pid(), false), data, into, workers);
        pagesWritten = data.bytes() / PAGE;
        pagesInParent = unchanged.bytes() / PAGE;
    }

    /** Its place in the tree; 0 for the parent of the root. */
    ForkPlan.Member member() {
        Stat stat = task.zombie() ? zombie : state.stat();
        int parent = task.parent() == null ? 0 : task.parent().pid();
        return new ForkPlan.Member(task.pid(), parent, stat.pgrp(), stat.session());
    }

    pstree_entry pstree() {
        ForkPlan.Member place = member();
        pstree_entry.Builder entry =
                pstree_entry
                        .newBuilder()
                        .setPid(place.pid())
                        .setPpid(place.ppid())
                        .setPgid(place.pgid())
                        .setSid(place.sid());
        if (task.zombie()) {
            entry.addThreads(task.pid());
        }
        for (Tracee thread : task.threads()) {
            entry.addThreads(thread.tid());
        }
        return entry.build();
    }

    task_kobj_ids_entry ids() {
        return Inventory.namespaces()
                .setVmId(kobjId())
                .setFilesId(filesId)
                .setFsId(fsId)
                .setSighandId(kobjId())
                .build();
    }

    /** The jobs that write core, ids, mm and fs; they can run at the same time. */
    void write(ImageDir images, List<Runnable> jobs) {
        int pid = task.pid();
        if (task.zombie()) {
            try (ImageWriter out = images.writer(ImageType.CORE, pid)) {
                out.write(zombieCore());
            }
            return;
        }
        jobs.add(() -> writeProcess(images));
        for (int first = 0; first < cores.size(); first += CORES_PER_JOB) {
            int from = first;
            int to = Math.min(cores.size(), first + CORES_PER_JOB);
            jobs.add(
                    () -> {
                        for (int i = from; i < to; i++) {
                            int tid = threads.get(i).thread().tid();
                            try (ImageWriter out = images.writer(ImageType.CORE, tid)) {
                                out.write(cores.get(i));
                            }
                        }
                    });
        }
    }

    private void writeProcess(ImageDir images) {
        int pid = task.pid();
        try (ImageWriter out = images.writer(ImageType.IDS, pid)) {
            out.write(ids());
        }
        try (ImageWriter out = images.writer(ImageType.MM, pid)) {
            out.write(mm);
        }
        try (ImageWriter out = images.writer(ImageType.FS, pid)) {
            out.write(fs);
        }
    }

    private core_entry zombieCore() {
        return core_entry
                .newBuilder()
                .setMtype(core_entry.march.X86_64)
                .setTc(
                        task_core_entry
                                .newBuilder()
                                .setTaskState(jcriu.image.TaskState.ZOMBIE)
                                .setExitCode(zombie.exitCode())
                                .setPersonality(0)
                                .setFlags((int) zombie.flags())
                                .setBlkSigset(0)
                                .setCommBytes(ByteString.copyFrom(zombie.commBytes())))
                .build();
    }
}
