package jcriu.dump;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.dump_stats_entry;
import jcriu.image.proto.jcriu_checkpoint_kind;
import jcriu.image.proto.jcriu_track;
import jcriu.image.proto.stats_entry;
import jcriu.kernel.FileConstants;
import jcriu.memory.ChainLock;
import jcriu.memory.DigestTracker;
import jcriu.memory.LocalXfer;
import jcriu.memory.LostWrites;
import jcriu.memory.PageHash;
import jcriu.memory.PagesOut;
import jcriu.memory.Tracker;
import jcriu.memory.Trackers;
import jcriu.memory.Workers;
import jcriu.proc.Limits;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.ProcFs;
import jcriu.proc.QuickFlags;
import jcriu.proc.Stat;
import jcriu.progress.Progress;
import jcriu.resource.ActionScripts;
import jcriu.resource.FileTable;
import jcriu.resource.MemoryExtras;
import jcriu.resource.Seccomp;
import jcriu.resource.SharedObjects;
import jcriu.resource.StopState;
import jcriu.resource.TaskExtras;
import jcriu.resource.Vmas;
import jcriu.store.PageDigests;
import jcriu.store.PageRead;
import jcriu.store.PageTarget;
import jcriu.store.PageXfer;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import jcriu.sys.Disk;
import jcriu.sys.FaultPoint;
import jcriu.tracee.FrozenTask;
import jcriu.tracee.FrozenTree;
import jcriu.tracee.Tracee;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The order of steps of a dump.
 *
 * <ol>
 *   <li>Check everything that can be known with the tree running, and count its memory.
 *   <li>Rehearse: dump a seed of our own, so that no class is loaded while the tree is stopped.
 *   <li>Make room for the pages.
 *   <li>Freeze, ask, copy pages.
 *   <li>Write the small images, force all to the disk; the inventory, last, makes the dump
 *       complete.
 *   <li>Kill the tree, or let it go on.
 * </ol>
 *
 * <p>Where a step fails the tree goes on as if nothing had been, and the images are removed.
 */
public final class Dumper {
    private static final Logger LOG = LoggerFactory.getLogger("dump");

    /** Digested in each rehearsal. */
    private static final int WARM_PAGES = 512;

    /** ids, mm, fs, pagemap and fdinfo; a core image comes for each thread. */
    private static final int IMAGES_OF_A_TASK = 5;

    /** How long the compiler may take, after that, for what it still has to do. */
    private static final long SETTLE_NANOS = 200_000_000;

    private final DumpOptions options;
    private final ImageDir images;
    private final Workers workers = new Workers();
    private final boolean rehearsal;
    private final Map<Integer, PageXfer> privatePages = new HashMap<>();
    private final Map<Long, PageXfer> sharedPages = new HashMap<>();

    /** Of what the freeze found; the others were prepared for what is gone by then. */
    private final List<PageXfer> copied = new ArrayList<>();

    /** Until it is chosen, and for a rehearsal: one that sets no marks. */
    private Tracker tracker = new DigestTracker();

    private final UUID id = UUID.randomUUID();
    private ChainLock writing;
    private ParentImages parent;
    private ObjectIds objectIds = ObjectIds.of(Map.of());
    private Disk disk;
    private Set<Integer> watched = Set.of();
    private Map<Integer, Preflight.Large> large = Map.of();

    /** Tells the flags of large tasks without smaps, where the kernel can. */
    private Optional<QuickFlags> quickFlags = Optional.empty();

    private final TaskExtras extras = new TaskExtras();
    private final MemoryExtras memoryExtras = new MemoryExtras();
    private final ActionScripts scripts;
    private int lastPagesId;
    private long expectedBytes;
    private long frozenAt;
    private long freezingNanos;
    private long frozenNanos;
    private long askNanos;
    private long collectNanos;
    private long copyNanos;
    private long writeNanos;
    private long syncNanos;

    private Dumper(DumpOptions options, boolean rehearsal) {
        this.options = options;
        this.images = new ImageDir(options.imagesDir());
        this.rehearsal = rehearsal;
        this.scripts = new ActionScripts(options.actionScripts(), options.imagesDir());
    }

    /**
     * Dumps a tree.
     *
     * @return what was compared by content although marks were asked for, in whole sentences
     * @throws JcriuException whose target state says whether the tree runs on
     */
    public static List<String> dump(DumpOptions options) {
        Dumper dumper = new Dumper(options, false);
        try {
            dumper.run();
            return List.copyOf(dumper.tracker.fallbacks());
        } finally {
            dumper.tracker.close();
            dumper.quickFlags.ifPresent(QuickFlags::close);
            dumper.workers.close();
            if (dumper.writing != null) {
                dumper.writing.close();
            }
        }
    }

    private void openParent() {
        if (options.prevImagesDir().isPresent()) {
            parent = ParentImages.open(images, options.prevImagesDir().get());
        }
    }

    private void chooseTracker() {
        boolean arm = options.trackMem() && (options.leaveRunning() || options.leaveStopped());
        Optional<jcriu_track> track = parent == null ? Optional.empty() : parent.track();
        if (parent == null && !arm && options.tracker().equals(Trackers.AUTO)) {
            return; // there is nothing to track
        }
        tracker = Trackers.choose(options.tracker(), track, arm);
        if (marks()) {
            tracker.begin(track, arm);
        }
    }

    /** Whether marks of the tracker are read, or set. */
    private boolean marks() {
        return tracker.arms() && (parent != null || options.trackMem());
    }

    private Optional<? extends PageRead> parentPages(int pid) {
        return parent == null ? Optional.empty() : parent.pages(pid);
    }

    private Optional<? extends PageRead> parentObject(long id) {
        return parent == null ? Optional.empty() : parent.objectPages(objectIds.of(id));
    }

    private void run() {
        try (SharedObjects shared = new SharedObjects()) {
            run(shared);
        }
    }

    private void run(SharedObjects shared) {
        Preflight preflight = new Preflight(options, images);
        try {
            if (!rehearsal) {
                writing = ChainLock.writing(images);
            }
            openParent();
            preflight.run();
            FaultPoint.DUMP_CHECK.pass();
            scripts.run("pre-dump", options.pid());
            if (parent != null) { // a damaged one is refused while all is as it was
                parent.prepare(preflight.threads.keySet());
                objectIds = parent.objectIds(preflight.sharedPlaces);
                preflight.sharedBytes.keySet().forEach(this::parentObject);
            } else {
                objectIds = ObjectIds.of(preflight.sharedPlaces);
            }
            chooseTracker();
            large = tracker.readsFlags() ? Map.of() : preflight.large;
            if (!large.isEmpty()) {
                quickFlags = QuickFlags.open();
            }
            rehearse();
            images.begin();
            if (parent != null) {
                parent.link();
            }
            if (options.sync()) {
                // what others wrote is not waited for in the freeze; nor do pages that are ready
                // to be filled go to the disk, which would make them unready
                disk().sync();
            }
            prepareImages(preflight.threads);
            lookAhead(preflight, shared);
            makeRoom(preflight);
            FaultPoint.DUMP_ROOM.pass();
            Compiler.awaitIdle(SETTLE_NANOS);
        } catch (RuntimeException | Error e) {
            discardPages();
            images.deleteWritten();
            JcriuException failure = JcriuException.of(e);
            throw failure.withTargetState(
                    failure.kind() == Kind.TARGET_GONE
                            ? "gone, or not there"
                            : "untouched, running");
        }
        watched = preflight.watched;
        memoryExtras.unplaced(preflight.unplaced);
        dumpTree(options.pid(), shared, preflight.vdsos);
    }

    /**
     * Dumps a process of our own the same way, again and again, until all that the freeze will need
     * is loaded and compiled.
     */
    private void rehearse() {
        ByteBuffer pages = ByteBuffer.allocateDirect(WARM_PAGES * PagemapRun.PAGE_SIZE);
        boolean arm = options.trackMem() && tracker.arms();
        Rehearsal.repeat(
                (pid, directory) -> {
                    PageDigests.ofPages(WARM_PAGES).put(0, PageHash.of(pages));
                    Dumper dumper =
                            new Dumper(
                                    DumpOptions.of(pid, directory.path())
                                            .sync(directory.inMemory()) // there it costs nothing
                                            .trackMem(arm)
                                            .build(),
                                    true);
                    try {
                        if (arm) {
                            dumper.tracker = Trackers.another(tracker);
                            dumper.tracker.begin(Optional.empty(), true);
                        }
                        dumper.quickFlags = quickFlags;
                        dumper.prepareImages(Map.of(pid, ProcFs.tasks(pid)));
                        dumper.large =
                                Map.of(pid, new Preflight.Large(Maps.readSmaps(pid), new Runs()));
                        dumper.dumpTree(pid, new SharedObjects(), Map.of());
                    } finally {
                        dumper.tracker.close();
                        dumper.workers.close();
                        dumper.images.deleteWritten();
                    }
                });
    }

    /** Pages of zeros, and those that a parent has, need no room. */
    private void lookAhead(Preflight preflight, SharedObjects shared) {
        preflight.sharedPaths.forEach(
                (id, path) -> {
                    try {
                        long spared = shared.lookAhead(id, path, parentObject(id), workers);
                        preflight.sharedBytes.merge(id, -spared, Long::sum);
                    } catch (SyscallException e) {
                        // it is unmapped meanwhile, or about to be: the freeze sees what is left
                        LOG.debug("shared object {}: {}", id, e.what());
                        preflight.sharedBytes.put(id, 0L);
                    }
                });
    }

    private void makeRoom(Preflight preflight) {
        for (long bytes : preflight.privateBytes.values()) {
            expectedBytes += bytes;
        }
        for (long bytes : preflight.sharedBytes.values()) {
            expectedBytes += bytes;
        }
        for (Map.Entry<Integer, Long> task : preflight.privateBytes.entrySet()) {
            int pid = task.getKey();
            PageXfer pages = privatePages(pid);
            Optional<? extends PageRead> before = parentPages(pid);
            if (before.isEmpty()) {
                pages.expect(task.getValue());
            } else if (preflight.large.containsKey(pid)) {
                expectChanged(pid, pages, preflight.large.get(pid), before.get());
            }
        }
        for (Map.Entry<Long, Long> object : preflight.sharedBytes.entrySet()) {
            sharedPages(object.getKey()).expect(object.getValue());
        }
    }

    private void expectChanged(int pid, PageXfer pages, Preflight.Large task, PageRead before) {
        try {
            List<MapsVma> own = Vmas.withPrivatePages(task.vmas());
            Tracker.Expected expected = tracker.expected(pid, own, task.pages(), before, workers);
            pages.expect(expected.bytes());
            expected.pages().ifPresent(data -> practise(pid, pages, data, task.pages(), before));
        } catch (TaskGoneException | SyscallException e) {
            if (e.kind() != Kind.TARGET_GONE && !Preflight.hasEnded(pid)) {
                throw e;
            }
            LOG.debug("{}", e.what()); // the freeze sees what is left
        }
    }

    /**
     * Copies what the freeze will copy while the task runs, and forgets it: what it takes is
     * compiled then for so many pages, and these are in the processor's cache. Under a hypervisor
     * that shadows page tables (PVM) the kernel's first look at a page costs 8 us, too.
     */
    private void practise(int pid, PageXfer pages, Runs data, Runs present, PageRead before) {
        if (data.isEmpty()) {
            return;
        }
        Runs unchanged = LostWrites.in(present.minus(data), present, before);
        PagesOut.plan(data, unchanged, pages);
        try {
            PagesOut.copy(tracker.source(pid, true), data, pages, workers);
        } finally {
            pages.forget();
        }
    }

    /**
     * Creates the images that there will be, as far as that can be known and descriptors last: each
     * stays open until it is written. Those of other tasks are created inside the freeze.
     */
    private void prepareImages(Map<Integer, int[]> threads) {
        int index = 0;
        int self = (int) ProcessHandle.current().pid();
        long room = Limits.read(self).soft(Limits.RLIMIT_NOFILE) / 4;
        for (Map.Entry<Integer, int[]> task : threads.entrySet()) {
            int pid = task.getKey();
            room -= IMAGES_OF_A_TASK + task.getValue().length;
            if (room < 0) {
                break;
            }
            for (int tid : task.getValue()) {
                images.prepare(ImageType.CORE, tid);
            }
            images.prepare(ImageType.IDS, pid);
            images.prepare(ImageType.MM, pid);
            images.prepare(ImageType.FS, pid);
            images.prepare(ImageType.PAGEMAP, pid);
            images.prepare(ImageType.FDINFO, TaskDump.kobjId(index++));
        }
        images.prepare(ImageType.PSTREE);
        images.prepare(ImageType.FILES);
        images.prepare(ImageType.SECCOMP);
        images.prepare(ImageType.JCRIU_TASKS);
        images.prepare(ImageType.JCRIU_MANIFEST);
        images.prepare(ImageType.JCRIU_OBJECTS);
        images.prepare(ImageType.PIPES_DATA);
        images.prepare(ImageType.TIMENS, 0);
    }

    /** Opened before the first image is written. */
    private Disk disk() {
        if (disk == null) {
            disk = Disk.of(images.directory());
        }
        return disk;
    }

    private PageXfer newPages(PageTarget target) {
        return new LocalXfer(images, target, ++lastPagesId, workers, digesting());
    }

    private LocalXfer.Digesting digesting() {
        if (!options.trackMem() && parent == null) {
            return LocalXfer.Digesting.NO;
        }
        return runsOn() ? LocalXfer.Digesting.AT_THE_END : LocalXfer.Digesting.AT_ONCE;
    }

    /** Whether the tree goes on when its pages are copied. */
    private boolean runsOn() {
        return options.leaveRunning() && !options.leaveStopped();
    }

    private PageXfer privatePages(int pid) {
        return privatePages.computeIfAbsent(pid, p -> newPages(PageTarget.task(p)));
    }

    private PageXfer sharedPages(long id) {
        return sharedPages.computeIfAbsent(id, i -> newPages(PageTarget.object(objectIds.of(i))));
    }

    private void discardPages() {
        privatePages.values().forEach(PageXfer::close);
        sharedPages.values().forEach(PageXfer::close);
        if (parent != null) {
            parent.close();
        }
        if (disk != null) {
            disk.close();
        }
    }

    private void dumpTree(int root, SharedObjects shared, Map<Integer, Long> vdsos) {
        FileTable files = Preflight.fileTable(options, images, shared);
        Seccomp seccomp = new Seccomp();
        List<TaskDump> tasks = new ArrayList<>();
        boolean over = false;
        FrozenTree tree = null;
        frozenAt = System.nanoTime();
        try {
            long timeoutMs =
                    options.timeoutSeconds() > 0 ? options.timeoutSeconds() * 1000L : 1L << 40;
            tree = FrozenTree.freeze(root, timeoutMs, vdsos);
            freezingNanos = System.nanoTime() - frozenAt;
            FaultPoint.DUMP_FREEZE.pass();
            Interruption.check();
            collect(tree, tasks, files, seccomp);
            long copying = System.nanoTime();
            collectNanos = copying - frozenAt - freezingNanos;
            copyPages(tasks, shared);
            copyNanos = System.nanoTime() - copying;
            if (runsOn()) {
                over = true;
                thaw(tree);
                writeImages(tasks, files, seccomp, shared);
                scripts.run("post-dump", root);
            } else {
                writeImages(tasks, files, seccomp, shared);
                scripts.run("post-dump", root);
                over = true;
                finish(tree);
            }
        } catch (RuntimeException | Error caught) {
            Throwable e = tree == null || over ? caught : orGone(tree, caught);
            if (tree != null && !over) {
                letGo(tree, tasks, e);
            }
            files.undo();
            discardPages();
            images.deleteWritten();
            JcriuException failure = JcriuException.of(e);
            throw failure.withTargetState(
                    failure.kind() == Kind.TARGET_GONE
                            ? "the rest of the tree runs on, unchanged"
                            : "running on, unchanged");
        }
        discardPages();
        tasks.forEach(TaskDump::close);
        if (!rehearsal) {
            if (!options.leaveRunning() && !options.leaveStopped()) {
                tree.awaitKilled();
            }
            try {
                if (options.sync()) {
                    images.syncDirectory();
                }
            } catch (JcriuException e) {
                throw e.withTargetState("dumped; the name of inventory.img is not on the disk yet")
                        .withHint("copy the images elsewhere");
            }
            try {
                FaultPoint.DUMP_STATS.pass();
                writeStats(tasks, shared);
            } catch (JcriuException e) {
                // the dump is complete, and the target may be gone already
                LOG.warn("no statistics: {}", e.what());
            }
            tracker.fallbacks().forEach(LOG::warn);
            if (options.autoDedup() && parent != null) {
                Deduper.afterDump(options.imagesDir());
            }
        }
    }

    /** A stopped task ends by SIGKILL only; what was asked of it then has failed in many ways. */
    private static Throwable orGone(FrozenTree tree, Throwable failure) {
        if (JcriuException.of(failure).kind() == Kind.TARGET_GONE) {
            return failure;
        }
        for (FrozenTask task : tree.tasks()) {
            boolean gone;
            try {
                gone = !task.zombie() && Stat.read(task.pid()).isZombie();
            } catch (TaskGoneException e) {
                gone = true;
            } catch (RuntimeException e) {
                failure.addSuppressed(e);
                return failure;
            }
            if (gone) {
                JcriuException end = new TaskGoneException(task.pid(), "while it was dumped");
                end.addSuppressed(failure);
                return end;
            }
        }
        return failure;
    }

    /** Takes our traces out of every task, then lets all go on, whatever else fails. */
    private static void letGo(FrozenTree tree, List<TaskDump> tasks, Throwable cause) {
        for (TaskDump task : tasks) {
            try {
                task.undo();
            } catch (RuntimeException e) {
                cause.addSuppressed(e);
            }
        }
        try {
            tree.close();
        } catch (RuntimeException e) {
            cause.addSuppressed(e);
        }
    }

    private void collect(FrozenTree tree, List<TaskDump> tasks, FileTable files, Seccomp seccomp) {
        long start = System.nanoTime();
        List<Integer> pids = new ArrayList<>();
        Map<Integer, int[]> threads = new LinkedHashMap<>();
        for (FrozenTask task : tree.tasks()) {
            tasks.add(new TaskDump(task, tasks.size()));
            if (!task.zombie()) {
                pids.add(task.pid());
                threads.put(task.pid(), task.threads().stream().mapToInt(Tracee::tid).toArray());
            }
        }
        Preflight.checkSharing(pids);
        SharedTables tables = SharedTables.of(pids, FileConstants.KCMP_FILES);
        SharedDirectories directories = SharedDirectories.of(threads);
        Map<Integer, Integer> kobjIds = new HashMap<>();
        for (TaskDump task : tasks) {
            if (!task.task().zombie()) {
                List<Integer> holders = tables.holders(task.task().pid());
                kobjIds.put(task.task().pid(), task.kobjId());
                task.shareTable(holders, kobjIds.get(holders.get(0)));
                int owner = directories.owner(task.task().pid());
                task.shareDirectories(directories, kobjIds.get(owner));
            }
        }
        List<Runnable> readings = new ArrayList<>(tasks.size());
        for (TaskDump task : tasks) {
            int pid = task.task().pid();
            readings.add(
                    () ->
                            task.readVmas(
                                    watched.contains(pid),
                                    Optional.ofNullable(large.get(pid)).map(Preflight.Large::vmas),
                                    quickFlags));
        }
        workers.run(readings);
        for (TaskDump task : tasks) {
            Interruption.check();
            task.ask();
            FaultPoint.DUMP_ASK.pass();
        }
        CloneCheck.check(
                tasks.stream().map(TaskDump::member).toList(),
                pid -> pids.contains(pid) ? tables.holders(pid).get(0) : -1,
                pid -> pids.contains(pid) ? directories.owner(pid) : -1);
        askNanos = System.nanoTime() - start;
        StopState stops = new StopState(tree.tasks());
        for (TaskDump task : tasks) {
            task.gather(seccomp, stops);
            FaultPoint.DUMP_GATHER.pass();
        }
        if (marks()) {
            tasks.forEach(task -> task.attach(tracker));
        }
        Optional<Tracker> marked = marks() ? Optional.of(tracker) : Optional.empty();
        List<Runnable> looks = new ArrayList<>();
        tasks.forEach(task -> task.look(marked, workers, looks));
        workers.run(looks);
        tasks.forEach(task -> task.settle(marks() || watched.contains(task.task().pid())));
        List<Runnable> jobs = new ArrayList<>();
        jobs.add(() -> FaultPoint.DUMP_DESCRIBE.pass());
        for (TaskDump task : tasks) {
            task.describe(files, extras, stops, memoryExtras, jobs);
        }
        workers.run(jobs);
        Set<Integer> all = new HashSet<>();
        for (TaskDump task : tasks) {
            all.add(task.task().pid());
        }
        files.resolve(all);
    }

    private void copyPages(List<TaskDump> tasks, SharedObjects shared) {
        Progress.begin("copy pages", expectedBytes);
        for (TaskDump task : tasks) {
            if (!task.task().zombie()) {
                PageXfer pages = privatePages(task.task().pid());
                task.copyPages(pages, parentPages(task.task().pid()), tracker, workers);
                copied.add(pages);
            }
        }
        FaultPoint.DUMP_PAGES.pass();
        shared.copy(
                id -> {
                    PageXfer pages = sharedPages(id);
                    copied.add(pages);
                    return pages;
                },
                this::parentObject,
                workers);
        Progress.end();
    }

    private void writeImages(
            List<TaskDump> tasks, FileTable files, Seccomp seccomp, SharedObjects shared) {
        long start = System.nanoTime();
        List<Runnable> jobs = new ArrayList<>();
        copied.forEach(pages -> jobs.add(pages::finish));
        for (TaskDump task : tasks) {
            task.write(images, jobs);
        }
        if (digesting() == LocalXfer.Digesting.AT_THE_END) {
            Progress.begin("digest pages", copied.stream().mapToLong(PageXfer::dataBytes).sum());
        }
        workers.run(jobs);
        Progress.end();
        FaultPoint.DUMP_WRITE.pass();
        try (ImageWriter out = images.writer(ImageType.PSTREE)) {
            for (TaskDump task : tasks) {
                out.write(task.pstree());
            }
        }
        files.write();
        shared.write(images, Inventory.IPC_NS_ID, objectIds::of);
        objectIds.write(images);
        seccomp.write(images);
        extras.write(images);
        memoryExtras.write(images);
        Inventory.writeClocks(images);
        if (marks()) {
            Inventory.writeTrack(images, tracker);
        }
        images.discardPrepared();
        FaultPoint.DUMP_INVENTORY.pass();
        Interruption.check();
        images.stageInventory(
                Inventory.make(options, id),
                Optional.of(
                        Inventory.manifest(
                                id, jcriu_checkpoint_kind.JCRIU_DUMP, parent, tracker, copied)));
        long syncing = System.nanoTime();
        if (options.sync()) { // before the kill: a disk that fails costs the images, not the tree
            FaultPoint.DUMP_SYNC.pass();
            disk().sync();
            Interruption.check();
        }
        syncNanos = System.nanoTime() - syncing;
        FaultPoint.DUMP_RENAME.pass();
        images.renameInventory();
        if (marks() && !rehearsal) {
            tracker.keep();
        }
        FaultPoint.DUMP_KILL.pass();
        if (!rehearsal) {
            Interruption.shield();
        }
        writeNanos = System.nanoTime() - start;
    }

    private void thaw(FrozenTree tree) {
        tree.close();
        frozenNanos = System.nanoTime() - frozenAt;
    }

    private void finish(FrozenTree tree) {
        if (rehearsal) {
            tree.close();
        } else if (options.leaveStopped()) {
            tree.leaveStopped();
        } else {
            tree.kill();
        }
        frozenNanos = System.nanoTime() - frozenAt;
    }

    private void writeStats(List<TaskDump> tasks, SharedObjects shared) {
        long scanned = 0;
        long written = 0;
        long inParent = 0;
        for (TaskDump task : tasks) {
            scanned += task.pagesScanned();
            written += task.pagesWritten();
            inParent += task.pagesInParent();
        }
        dump_stats_entry stats =
                dump_stats_entry
                        .newBuilder()
                        .setFreezingTime((int) (freezingNanos / 1000))
                        .setFrozenTime((int) (frozenNanos / 1000))
                        .setMemdumpTime((int) (copyNanos / 1000))
                        .setMemwriteTime((int) (writeNanos / 1000))
                        .setPagesScanned(scanned)
                        .setPagesSkippedParent(inParent)
                        .setPagesWritten(written)
                        .setIrmapResolve(0)
                        .setPagesLazy(0)
                        .setShpagesScanned(shared.pagesScanned())
                        .setShpagesSkippedParent(shared.pagesInParent())
                        .setShpagesWritten(shared.pagesWritten())
                        .build();
        try (ImageWriter out = new ImageDir(options.workDir()).writer(ImageType.STATS, "dump")) {
            out.write(stats_entry.newBuilder().setDump(stats).build());
        }
        LOG.info(
                "frozen for {} us: {} to stop, {} to ask, {} for the answers, {} for pages, {} to"
                        + " write images, {} of it for the disk; {} of {} private pages, {} in the parent, {}"
                        + " shared",
                frozenNanos / 1000,
                freezingNanos / 1000,
                askNanos / 1000,
                (collectNanos - askNanos) / 1000,
                copyNanos / 1000,
                writeNanos / 1000,
                syncNanos / 1000,
                written,
                scanned,
                inParent,
                shared.pagesWritten());
        if (options.displayStats()) {
            System.out.println("dump: " + stats.toString().strip().replace("\n", ", "));
            TrackerReport.print(tracker, System.out);
        }
    }
}
