package jcriu.dump;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import jcriu.errors.Errno;
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
import jcriu.image.proto.jcriu_manifest;
import jcriu.image.proto.jcriu_track;
import jcriu.image.proto.pstree_entry;
import jcriu.image.proto.stats_entry;
import jcriu.memory.ChainLock;
import jcriu.memory.DigestTracker;
import jcriu.memory.LocalXfer;
import jcriu.memory.LostWrites;
import jcriu.memory.PagemapScan;
import jcriu.memory.PagesOut;
import jcriu.memory.Tracker;
import jcriu.memory.Trackers;
import jcriu.memory.Workers;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.progress.Progress;
import jcriu.resource.ActionScripts;
import jcriu.resource.SharedObjects;
import jcriu.resource.ThreadState;
import jcriu.resource.Vmas;
import jcriu.store.PageRead;
import jcriu.store.PageTarget;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.sys.Disk;
import jcriu.sys.FaultPoint;
import jcriu.tracee.FrozenTask;
import jcriu.tracee.FrozenTree;
import jcriu.tracee.StackFrame;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The order of steps of a pre-dump: private memory only.
 *
 * <p>Pages are copied while the tree runs. What is written meanwhile is seen by the next dump, by
 * its content or by the marks of a {@link Tracker}; so nothing needs to be the same moment's, and a
 * page that goes while it is copied, or a task that ends, is no matter. Only a tracker that sets
 * marks stops the tree, for as long as that takes.
 */
public final class PreDumper {
    private static final Logger LOG = LoggerFactory.getLogger("pre-dump");
    private static final int PAGE = 4096;

    /** How long the compiler may take before the freeze for what it still has to do. */
    private static final long SETTLE_NANOS = 200_000_000;

    private final DumpOptions options;
    private final ImageDir images;
    private final Workers workers;
    private final Disk disk;
    private ObjectIds objectIds;
    private Tracker tracker = new DigestTracker();
    private final List<PageXfer> written = new ArrayList<>();
    private final List<PageXfer> finished = new ArrayList<>();
    private final SharedObjects shared = new SharedObjects();
    private int lastPagesId;
    private long pagesScanned;
    private long freezingNanos;
    private long frozenNanos;
    private long pagesWritten;
    private long pagesInParent;

    private PreDumper(DumpOptions options, Workers workers, Disk disk) {
        this.options = options;
        this.images = new ImageDir(options.imagesDir());
        this.workers = workers;
        this.disk = disk;
    }

    /**
     * Saves the memory of a tree that runs on.
     *
     * @return what was compared by content although marks were asked for, in whole sentences
     * @throws JcriuException always with an untouched target
     */
    public static List<String> preDump(DumpOptions options) {
        try (Workers workers = new Workers();
                Disk disk = Disk.of(options.imagesDir())) {
            PreDumper preDumper = new PreDumper(options, workers, disk);
            preDumper.run();
            return List.copyOf(preDumper.tracker.fallbacks());
        }
    }

    private void run() {
        ActionScripts scripts = new ActionScripts(options.actionScripts(), options.imagesDir());
        ParentImages parent = null;
        ChainLock writing = null;
        try {
            writing = ChainLock.writing(images);
            if (options.prevImagesDir().isPresent()) {
                parent = ParentImages.open(images, options.prevImagesDir().get());
            }
            Preflight preflight = new Preflight(options, images);
            preflight.run();
            scripts.run("pre-dump", options.pid());
            if (parent != null) { // a damaged one is refused while all is as it was
                parent.prepare(preflight.threads.keySet());
                objectIds = parent.objectIds(preflight.sharedPlaces);
                for (long id : preflight.sharedPaths.keySet()) {
                    parent.objectPages(objectIds.of(id));
                }
            } else {
                objectIds = ObjectIds.of(preflight.sharedPlaces);
            }
            Optional<jcriu_track> track = parent == null ? Optional.empty() : parent.track();
            tracker = Trackers.choose(options.tracker(), track, true);
            images.begin();
            if (parent != null) {
                parent.link();
            }
            Map<Integer, Runs> present = new LinkedHashMap<>();
            if (tracker.arms()) {
                rehearse();
                tracker.begin(track, true);
                Map<Integer, List<MapsVma>> flags = lookAhead(preflight.threads.keySet());
                Compiler.awaitIdle(SETTLE_NANOS);
                mark(options.pid(), flags, preflight.vdsos, present);
                LOG.info("frozen for {} us: {} to stop", frozenNanos / 1000, freezingNanos / 1000);
            } else {
                preflight.threads.keySet().forEach(pid -> present.put(pid, null));
            }
            FaultPoint.PREDUMP_PAGES.pass();
            Progress.begin(
                    "copy pages",
                    preflight.privateBytes.values().stream().mapToLong(Long::longValue).sum());
            for (int pid : present.keySet()) {
                Interruption.check();
                copy(
                        pid,
                        Optional.ofNullable(present.get(pid)),
                        preflight.privateBytes.getOrDefault(pid, 0L),
                        parent == null ? Optional.empty() : parent.pages(pid));
            }
            for (Map.Entry<Long, String> object : preflight.sharedPaths.entrySet()) {
                Interruption.check();
                copyObject(object.getKey(), object.getValue(), parent);
            }
            Progress.end();
            writeTree(present.keySet());
            Inventory.writeTrack(images, tracker);
            objectIds.write(images);
            FaultPoint.PREDUMP_INVENTORY.pass();
            complete(parent);
            tracker.keep();
            writeStats();
        } catch (RuntimeException | Error e) {
            written.forEach(PageXfer::close);
            images.deleteWritten();
            JcriuException failure = JcriuException.of(e);
            throw failure.withTargetState(
                    failure.kind() == Kind.TARGET_GONE
                            ? "gone, or not there"
                            : "untouched, running");
        } finally {
            tracker.close();
            written.forEach(PageXfer::close);
            if (parent != null) {
                parent.close();
            }
            if (writing != null) {
                writing.close();
            }
        }
        LOG.info(
                "{} pages written, {} left to the parent, of {}",
                pagesWritten,
                pagesInParent,
                pagesScanned);
        tracker.fallbacks().forEach(LOG::warn);
        if (options.autoDedup() && parent != null) {
            Deduper.afterDump(options.imagesDir());
        }
    }

    private void complete(ParentImages parent) {
        UUID id = UUID.randomUUID();
        jcriu_manifest manifest =
                Inventory.manifest(
                        id, jcriu_checkpoint_kind.JCRIU_PRE_DUMP, parent, tracker, finished);
        images.stageInventory(Inventory.makePreDump(id), Optional.of(manifest));
        if (options.sync()) {
            disk.sync();
        }
        Interruption.check();
        FaultPoint.PREDUMP_RENAME.pass();
        images.renameInventory();
        if (options.sync()) {
            images.syncDirectory();
        }
    }

    /** Marks a process of our own, until the freeze of the tree takes no longer than it must. */
    private void rehearse() {
        Rehearsal.repeat(
                (pid, directory) -> {
                    PreDumper once =
                            new PreDumper(
                                    DumpOptions.of(pid, directory.path()).build(), workers, disk);
                    try (Tracker another = Trackers.another(tracker)) {
                        once.tracker = another;
                        another.begin(Optional.empty(), true);
                        Map<Integer, List<MapsVma>> flags = once.lookAhead(Set.of(pid));
                        once.mark(pid, flags, Map.of(), new LinkedHashMap<>());
                    }
                });
    }

    /**
     * Stops the tree for a moment: reads its marks, and sets them for the next dump.
     *
     * @param flags those of mappings, of tasks for which they were read before
     * @param present gets the tasks, and the pages that they have
     */
    private void mark(
            int root,
            Map<Integer, List<MapsVma>> flags,
            Map<Integer, Long> vdsos,
            Map<Integer, Runs> present) {
        long timeoutMs = options.timeoutSeconds() > 0 ? options.timeoutSeconds() * 1000L : 1L << 40;
        Map<Integer, Runs> found = new ConcurrentHashMap<>();
        long start = System.nanoTime();
        try (FrozenTree tree = FrozenTree.freeze(root, timeoutMs, vdsos)) {
            freezingNanos = System.nanoTime() - start;
            List<Runnable> jobs = new ArrayList<>();
            for (FrozenTask task : tree.tasks()) {
                if (!task.zombie()) {
                    List<MapsVma> vmas =
                            flags.containsKey(task.pid())
                                    ? Maps.readAgain(task.pid(), flags.get(task.pid()))
                                    : Maps.readSmaps(task.pid());
                    TaskDump.findSyscall(task, vmas);
                    ThreadState leader = new ThreadState(task.leader());
                    leader.observe();
                    task.caller(StackFrame.give(List.of(leader.wayBack()), vmas));
                    List<MapsVma> own = Vmas.withPrivatePages(vmas);
                    tracker.attach(task, own);
                    present.put(task.pid(), null);
                    Runs vdso = Vmas.vdso(vmas);
                    jobs.add(() -> found.put(task.pid(), look(task.pid(), own).or(vdso)));
                }
            }
            workers.run(jobs);
        }
        frozenNanos = System.nanoTime() - start;
        present.putAll(found);
    }

    /**
     * Reads flags of mappings, where they may be those of before the freeze, and brings page tables
     * into the processor's cache.
     */
    private Map<Integer, List<MapsVma>> lookAhead(Set<Integer> pids) {
        Map<Integer, List<MapsVma>> flags = new HashMap<>();
        if (tracker.readsFlags()) {
            return flags;
        }
        for (int pid : pids) {
            List<MapsVma> vmas = flagsOf(pid);
            flags.put(pid, vmas);
            try (PagemapScan scan = new PagemapScan(pid, workers)) {
                find(vmas, scan);
            } catch (TaskGoneException | SyscallException e) {
                LOG.debug("{}", e.what()); // the freeze sees what is left
            }
        }
        return flags;
    }

    /** Nothing of a task that has just ended. */
    private static List<MapsVma> flagsOf(int pid) {
        try {
            return Maps.readSmaps(pid);
        } catch (TaskGoneException e) {
            return List.of();
        }
    }

    private Runs look(int pid, List<MapsVma> own) {
        try (PagemapScan scan = new PagemapScan(pid, workers)) {
            Runs present = tracker.look(pid, own, Vmas::scan, scan);
            synchronized (this) {
                pagesScanned += scan.pagesScanned();
            }
            return present;
        }
    }

    private void copy(
            int pid,
            Optional<Runs> present,
            long expectedBytes,
            Optional<? extends PageRead> parent) {
        PageXfer pages =
                new LocalXfer(
                        images,
                        PageTarget.task(pid),
                        ++lastPagesId,
                        workers,
                        LocalXfer.Digesting.AT_ONCE);
        written.add(pages);
        try {
            Runs runs = present.orElseGet(() -> scan(pid, Maps.readSmaps(pid)));
            Runs unchanged = new Runs();
            if (parent.isPresent()) {
                unchanged = tracker.unchanged(pid, runs, parent.get(), workers, true);
                unchanged = LostWrites.in(unchanged, runs, parent.get());
            } else {
                pages.expect(expectedBytes);
            }
            Runs data = runs.minus(unchanged);
            PagesOut.plan(data, unchanged, pages);
            PagesOut.copy(tracker.source(pid, true), data, pages, workers);
            // a task whose memory has gone reads as nothing at all
            Stat.read(pid);
            pages.finish();
            finished.add(pages);
            pagesWritten += data.bytes() / PAGE;
            pagesInParent += unchanged.bytes() / PAGE;
        } catch (TaskGoneException | SyscallException e) {
            // one that is about to end has no memory any more, and is no zombie yet
            if (e.kind() != Kind.TARGET_GONE && !Preflight.hasEnded(pid)) {
                throw e;
            }
            if (pid == options.pid()) {
                throw new TaskGoneException(pid, "while its memory was copied");
            }
            LOG.info("task {} has ended meanwhile", pid);
            pages.close();
        }
    }

    /** An object that everybody has unmapped meanwhile is no matter. */
    private void copyObject(long id, String path, ParentImages parent) {
        PageXfer pages =
                new LocalXfer(
                        images,
                        PageTarget.object(objectIds.of(id)),
                        ++lastPagesId,
                        workers,
                        LocalXfer.Digesting.AT_ONCE);
        written.add(pages);
        try {
            shared.copyAhead(
                    path,
                    pages,
                    parent == null ? Optional.empty() : parent.objectPages(objectIds.of(id)),
                    workers);
        } catch (SyscallException e) {
            if (e.errno() != Errno.ENOENT && e.errno() != Errno.ESRCH) {
                throw e;
            }
            LOG.info("shared object {} is not mapped any more", id);
            pages.close();
            return;
        }
        pages.finish();
        finished.add(pages);
    }

    private Runs scan(int pid, List<MapsVma> vmas) {
        try (PagemapScan scan = new PagemapScan(pid, workers)) {
            Runs found = find(vmas, scan);
            synchronized (this) {
                pagesScanned += scan.pagesScanned();
            }
            return found.or(Vmas.vdso(vmas));
        }
    }

    private static Runs find(List<MapsVma> vmas, PagemapScan scan) {
        Runs found = new Runs();
        Vmas.withPrivatePages(vmas).forEach(vma -> Vmas.scan(vma, scan, found));
        return found;
    }

    /** Who is there: enough for a reader that looks for the pagemaps. */
    private void writeTree(Set<Integer> pids) {
        try (ImageWriter out = images.writer(ImageType.PSTREE)) {
            for (int pid : pids) {
                Stat stat;
                int[] tids;
                try {
                    stat = Stat.read(pid);
                    tids = ProcFs.tasks(pid);
                } catch (TaskGoneException e) {
                    continue; // it has no pages in these images either, or nobody asks for them
                }
                pstree_entry.Builder entry =
                        pstree_entry
                                .newBuilder()
                                .setPid(pid)
                                .setPpid(pid == options.pid() ? 0 : stat.ppid())
                                .setPgid(stat.pgrp())
                                .setSid(stat.session());
                for (int tid : tids) {
                    entry.addThreads(tid);
                }
                out.write(entry.build());
            }
        }
    }

    private void writeStats() {
        dump_stats_entry stats =
                dump_stats_entry
                        .newBuilder()
                        .setFreezingTime((int) (freezingNanos / 1000))
                        .setFrozenTime((int) (frozenNanos / 1000))
                        .setMemdumpTime(0)
                        .setMemwriteTime(0)
                        .setPagesScanned(pagesScanned)
                        .setPagesSkippedParent(pagesInParent)
                        .setPagesWritten(pagesWritten)
                        .setIrmapResolve(0)
                        .setPagesLazy(0)
                        .setShpagesScanned(shared.pagesScanned())
                        .setShpagesSkippedParent(shared.pagesInParent())
                        .setShpagesWritten(shared.pagesWritten())
                        .build();
        try (ImageWriter out = new ImageDir(options.workDir()).writer(ImageType.STATS, "dump")) {
            out.write(stats_entry.newBuilder().setDump(stats).build());
        }
        if (options.displayStats()) {
            System.out.println("dump: " + stats.toString().strip().replace("\n", ", "));
            TrackerReport.print(tracker, System.out);
        }
    }
}
