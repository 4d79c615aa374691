package jcriu.restore;

import static jcriu.kernel.FileConstants.*;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.RemoteSyscallException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.file_lock_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.restore_stats_entry;
import jcriu.image.proto.seccomp_filter;
import jcriu.image.proto.stats_entry;
import jcriu.kernel.Syscall;
import jcriu.memory.ChainLock;
import jcriu.memory.Workers;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.progress.Progress;
import jcriu.resource.ActionScripts;
import jcriu.resource.AddressSpace;
import jcriu.resource.External;
import jcriu.resource.ForkPlan;
import jcriu.resource.Inheritance;
import jcriu.resource.Privileges;
import jcriu.resource.RestoredFiles;
import jcriu.resource.StopState;
import jcriu.resource.TableSharing;
import jcriu.resource.TaskExtras;
import jcriu.resource.TaskState;
import jcriu.resource.VdsoStubs;
import jcriu.resource.Vmas;
import jcriu.sys.FaultPoint;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.Child;
import jcriu.tracee.PidInUse;
import jcriu.tracee.Scratch;
import jcriu.tracee.Seed;
import jcriu.tracee.Tracee;
import jcriu.tracee.Vdso;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The order of steps of a restore.
 *
 * <ol>
 *   <li>Read and check all images.
 *   <li>Spawn a seed with the root's pid; it clones seeds for its children, they for theirs.
 *   <li>Sessions, process groups, zombies.
 *   <li>In each task: address space, memory, descriptors, threads, signals, limits.
 *   <li>Seccomp, credentials; timers; registers.
 *   <li>Let all go: the point of no return.
 *   <li>With --auto-dedup, give back what the images take: nobody else has it before that.
 * </ol>
 *
 * <p>Where a step before that point fails, every process that was made is killed; if jcriu dies,
 * the kernel does it (PTRACE_O_EXITKILL).
 */
public final class Restorer {
    private static final Logger LOG = LoggerFactory.getLogger("restore");
    private static final int SCRATCH = 256 << 10;
    private static final long REAP_NANOS = 10_000_000_000L;

    private final RestoreOptions options;
    private final ImageDir images;
    private final Workers workers = new Workers();
    private final List<TaskRestore> tasks = new ArrayList<>();
    private final ActionScripts scripts;
    private ChainLock reading;
    private RestoredFiles files;
    private TableSharing tables;
    private TableSharing directories;
    private List<LoadedTask> tree;
    private final Map<Integer, LoadedTask> byPid = new HashMap<>();
    private final Map<ForkPlan.Node, TaskRestore> byNode = new HashMap<>();

    /** Of tasks and threads, sessions and groups. */
    private final Set<Integer> ids = new HashSet<>();

    private long pagesRestored;
    private long pagesShared;
    private List<MapsVma> seed;
    private long forkingNanos;
    private long memoryNanos;

    private Restorer(RestoreOptions options) {
        this.options = options;
        int user = Status.read((int) ProcessHandle.current().pid()).uids()[1];
        ImageDir directory = new ImageDir(options.imagesDir()).trusting(user);
        this.images = options.verify() ? directory : directory.notVerifying();
        this.scripts = new ActionScripts(options.actionScripts(), options.imagesDir());
    }

    /**
     * Restores a tree.
     *
     * @return the exit status to pass on: 0 when detached, else that of the root task
     * @throws JcriuException if it cannot be restored; nothing is left then
     */
    public static int restore(RestoreOptions options) {
        Restorer restorer = new Restorer(options);
        try {
            return restorer.run();
        } finally {
            restorer.workers.close();
        }
    }

    private int run() {
        long start = System.nanoTime();
        boolean pidFileWritten = false;
        try {
            reading = ChainLock.shared(images);
            ImageCheck loaded = ImageCheck.read(images);
            tree = loaded.tree();
            FaultPoint.RESTORE_READ.pass();
            scripts.run("pre-restore", 0);
            Map<Integer, jcriu_task> extras = loaded.extras();
            for (LoadedTask task : tree) {
                task.extras = extras.get(task.pid);
            }
            checkPrivileges();
            checkPids();
            checkVdsos();
            plan();
            List<seccomp_filter> filters = loaded.filters();
            for (LoadedTask task : tree) {
                TaskExtras.check(task.tc(), task.extras, task.pid);
            }
            Map<Integer, List<file_lock_entry>> locks = loaded.locks();
            if (!locks.isEmpty() && !options.fileLocks()) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED, "the tree was dumped with its file locks")
                        .withHint("restore with --file-locks (-l)");
            }
            files =
                    new RestoredFiles(
                            images,
                            options.shellJob(),
                            options.skipFileRwxCheck(),
                            inherited(),
                            External.ofRestore(options.external()),
                            workers);
            tree.forEach(task -> files.check(task.pid, task.fds));
            files.checkSegments();
            Progress.begin("restore memory", bytesOfMemory());
            makeTree();
            Progress.end();
            forkingNanos = System.nanoTime() - start - memoryNanos;
            for (TaskRestore task : live()) {
                pagesRestored += task.pagesRestored();
                pagesShared += task.pagesShared();
            }
            installFiles(locks);
            pagesRestored += files.pagesRestored();
            for (TaskRestore task : live()) {
                task.restoreThreads();
                FaultPoint.RESTORE_THREADS.pass();
            }
            installDirectories();
            files.installed();
            for (TaskRestore task : live()) {
                task.takePrivileges(filters);
                FaultPoint.RESTORE_PRIVILEGES.pass();
            }
            files.seal();
            files.settle();
            for (TaskRestore task : live()) {
                task.finish();
                FaultPoint.RESTORE_TIMERS.pass();
            }
            if (options.pidFile().isPresent()) {
                writePidFile(options.pidFile().get());
                pidFileWritten = true;
            }
            scripts.run("post-restore", tree.get(0).pid);
            scripts.run("pre-resume", tree.get(0).pid);
            writeStats(System.nanoTime() - start);
            FaultPoint.RESTORE_RESUME.pass();
            Interruption.check();
            announce();
            Interruption.shield();
            for (TaskRestore task : tasks) {
                task.outliveUs(options.leaveStopped());
            }
        } catch (RuntimeException | Error e) {
            Interruption.shield();
            killAll();
            if (reading != null) {
                reading.close();
            }
            if (files != null) {
                files.undo();
            }
            if (pidFileWritten) {
                removePidFile();
            }
            if (files != null) {
                files.close();
            }
            throw JcriuException.of(e)
                    .withTargetState("not restored; nothing was left behind; images unchanged");
        }
        files.succeeded();
        release();
        reading.close();
        if (options.autoDedup()) {
            UsedImages.giveBack(images);
        }
        try {
            scripts.run("post-resume", tree.get(0).pid);
        } catch (JcriuException e) {
            LOG.warn("{}; the tree runs", e.what());
        }
        LOG.info("restored {} tasks, {} pages", tasks.size(), pagesRestored);
        if (!options.execCommand().isEmpty()) {
            throw Exec.replaceUs(options.execCommand());
        }
        return options.restoreDetached() || options.restoreSibling() ? 0 : awaitRoot();
    }

    private void installFiles(Map<Integer, List<file_lock_entry>> locks) {
        for (TaskRestore task : live()) {
            task.restoreLoginuid(); // which threads inherit
            task.cloneThreads();
        }
        Set<Integer> tables = new HashSet<>();
        // the order of the dump, in which an epoll instance finds its files in the first table
        List<TaskRestore> byTable = live();
        byTable.sort(java.util.Comparator.comparingInt(task -> task.images.filesId));
        for (TaskRestore task : byTable) {
            if (tables.add(task.images.filesId)) {
                task.installFiles(files);
            }
            task.takeLocks(locks.getOrDefault(task.images.pid, List.of()));
            FaultPoint.RESTORE_FILES.pass();
        }
    }

    /**
     * Last of what is opened by path: where the root directory is another one, paths lead
     * elsewhere.
     */
    private void installDirectories() {
        Set<Integer> shared = new HashSet<>();
        for (TaskRestore task : live()) {
            task.installDirectories(files, shared.add(task.images.fsId));
        }
    }

    /** Our descriptors that stand for resources of the tree, by the name of the resource. */
    private Map<String, Integer> inherited() {
        Map<String, Integer> inherited = new HashMap<>();
        for (RestoreOptions.InheritFd fd : options.inheritFds()) {
            inherited.put(fd.resource(), fd.fd());
        }
        return inherited;
    }

    private void checkVdsos() {
        List<MapsVma> ours = Maps.read((int) ProcessHandle.current().pid());
        for (LoadedTask task : tree) {
            if (!task.zombie()) {
                task.vdsoStubs =
                        VdsoStubs.of(task.mm, task.pages, task.tids, task.cores, task.pid, ours);
            }
        }
    }

    private void checkPrivileges() {
        Privileges ours = Privileges.ours();
        ours.require(false, options.unprivileged());
        if (options.unprivileged()) {
            for (LoadedTask task : tree) {
                ours.lower(task.pid, task.cores);
                task.extras = ours.lower(task.extras);
            }
        }
    }

    private void checkPids() {
        for (LoadedTask task : tree) {
            TaskState.checkLimits(task.tc(), task.pid);
            for (int tid : task.tids) {
                PidInUse.awaitFree(tid, REAP_NANOS);
            }
        }
        LoadedTask root = tree.get(0);
        if (root.sid != root.pid && !options.shellJob()) {
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "the tree was dumped as a shell job: its session, "
                                    + root.sid
                                    + ", is outside the tree")
                    .withHint("restore with --shell-job (-j)");
        }
    }

    private Set<Integer> pids() {
        Set<Integer> pids = new HashSet<>();
        tree.forEach(task -> pids.add(task.pid));
        return pids;
    }

    private List<TaskRestore> live() {
        Interruption.check();
        List<TaskRestore> live = new ArrayList<>(tasks.size());
        for (TaskRestore task : tasks) {
            if (!task.ended()) {
                live.add(task);
            }
        }
        return live;
    }

    private void makeTree() {
        LoadedTask rootImages = tree.get(0);
        Tracee root = Seed.spawn(rootImages.pid, options.restoreSibling());
        seed = Maps.read(root.pid());
        long vdso = 0;
        Scratch scratch;
        try {
            for (MapsVma vma : seed) {
                if (Vmas.isVdso(vma)) {
                    vdso = vma.start();
                    root.syscallAddress(vdso + Vdso.syscallOffset());
                }
            }
            List<mm_entry> mms = new ArrayList<>();
            for (LoadedTask task : tree) {
                if (task.mm != null) {
                    mms.add(task.mm);
                }
            }
            // the vDSO can be parked behind the scratch area
            long hole = AddressSpace.findHole(mms, seed, SCRATCH + AddressSpace.vdsoBytes(seed));
            scratch = Scratch.map(root, hole, SCRATCH);
        } catch (RuntimeException e) {
            Seed.kill(root.pid(), List.of(root));
            throw e;
        }
        root.syscallAddress(scratch.syscallAddress());
        TaskRestore rootTask = new TaskRestore(rootImages, root, scratch, vdso);
        tasks.add(rootTask);
        byNode.put(rootImages.node, rootTask);
        FaultPoint.RESTORE_SPAWN.pass();
        root.require(Syscall.CLOSE_RANGE, 0, 0xffffffffL, 0);
        files.makeSegments(root, pids());
        forkChildren(rootTask);
        joinGroups();
        endPlaceholders();
        for (int i = tasks.size() - 1; i >= 0; i--) {
            if (tasks.get(i).images.zombie()) {
                tasks.get(i).endAsZombie();
            }
        }
        FaultPoint.RESTORE_ZOMBIES.pass();
        stopTasks();
        for (TaskRestore task : live()) {
            makeMemory(task);
        }
    }

    private void makeMemory(TaskRestore task) {
        long start = System.nanoTime();
        task.makeMemory(seed, files, images, workers);
        FaultPoint.RESTORE_MEMORY.pass();
        memoryNanos += System.nanoTime() - start;
    }

    private long bytesOfMemory() {
        long bytes = 0;
        for (LoadedTask task : tree) {
            bytes += task.pages == null ? 0 : task.pages.runs().bytes();
        }
        return bytes;
    }

    /**
     * Stops what was stopped, tells the parents what they knew, and takes the signals of it all.
     */
    private void stopTasks() {
        for (TaskRestore task : tasks) {
            StopState.Untold untold = StopState.untold(task.images.extras, task.images.stopped());
            if (!task.ended() && (task.images.stopped() || untold != StopState.Untold.NOTHING)) {
                LoadedTask parent = task.images.parent;
                task.stop(untold, parent == null ? null : byNode.get(parent.node));
            }
        }
        for (TaskRestore task : live()) {
            task.takeChildSignals();
        }
    }

    /**
     * Who clones whom. Of those that a task clones, the ones that share nothing with its memory
     * come first; for the others that memory must be there.
     */
    private void plan() {
        List<ForkPlan.Member> members = new ArrayList<>();
        for (LoadedTask task : tree) {
            members.add(new ForkPlan.Member(task.pid, task.parentPid, task.pgid, task.sid));
            byPid.put(task.pid, task);
        }
        ForkPlan plan = ForkPlan.of(members);
        refuse(plan.problem(), "sessions");
        for (LoadedTask task : tree) {
            task.node = plan.node(task.pid);
            task.kept = Inheritance.none(task.mm);
        }
        for (LoadedTask task : tree) {
            for (List<ForkPlan.Node> clones : List.of(task.node.early(), task.node.late())) {
                for (ForkPlan.Node clone : clones) {
                    if (!clone.placeholder()) {
                        LoadedTask child = byPid.get(clone.pid());
                        child.kept = child.inheritedFrom(task);
                    }
                }
            }
        }
        plan.putLast(node -> !node.placeholder() && byPid.get(node.pid()).kept.any());
        tables = TableSharing.descriptors(plan, pid -> byPid.get(pid).filesId);
        refuse(tables.problem(), "sharing");
        directories = TableSharing.directories(plan, pid -> byPid.get(pid).fsId);
        refuse(directories.problem(), "sharing");
        for (LoadedTask task : tree) {
            ids.addAll(task.tids);
            ids.add(task.pgid);
            ids.add(task.sid);
        }
        for (int pid : plan.lostLeaders().keySet()) {
            PidInUse.awaitFree(pid, REAP_NANOS);
        }
    }

    private static void refuse(String problem, String chapter) {
        if (problem != null) {
            throw new JcriuException(Kind.RESTORE_REFUSED, problem)
                    .withHint("see docs/limits.md#" + chapter);
        }
    }

    private void forkChildren(TaskRestore maker) {
        ForkPlan.Node node = maker.images.node;
        node.early().forEach(child -> addChild(maker, child));
        maker.makeSession();
        if (!node.placeholder()) {
            maker.takeTerminal(files);
        }
        node.late().forEach(child -> addChild(maker, child));
        for (TableSharing sharing : List.of(tables, directories)) {
            if (sharing.leavesAfter(node)) {
                maker.unshare(sharing.flag());
            }
        }
    }

    private void addChild(TaskRestore maker, ForkPlan.Node child) {
        Interruption.check();
        LoadedTask images = imagesOf(child);
        if (images.kept.any()) {
            makeMemory(maker);
        }
        for (TableSharing sharing : List.of(tables, directories)) {
            if (sharing.leavesBefore(child)) {
                maker.unshare(sharing.flag());
            }
        }
        TaskRestore task = maker.fork(images, tables.flagFor(child) | directories.flagFor(child));
        tasks.add(task);
        byNode.put(child, task);
        FaultPoint.RESTORE_FORK.pass();
        forkChildren(task);
    }

    private LoadedTask imagesOf(ForkPlan.Node node) {
        if (node.placeholder()) {
            int pid = node.pid() != 0 ? node.pid() : PidInUse.free(ids);
            return LoadedTask.placeholder(node, pid);
        }
        return byPid.get(node.pid());
    }

    /** Leaders of groups first, so that the others can join; one may have left its group since. */
    private void joinGroups() {
        Set<Integer> groups = new HashSet<>();
        tasks.forEach(task -> groups.add(task.images.pgid));
        for (TaskRestore task : tasks) {
            if (groups.contains(task.images.pid) && task.images.sid != task.images.pid) {
                task.makeGroup();
            }
        }
        for (TaskRestore task : tasks) {
            if (!groups.contains(task.images.pid)) {
                joinGroup(task);
            }
        }
        for (TaskRestore task : tasks) {
            if (groups.contains(task.images.pid)) {
                joinGroup(task);
            }
        }
        FaultPoint.RESTORE_GROUPS.pass();
    }

    private void joinGroup(TaskRestore task) {
        LoadedTask root = tree.get(0);
        int group = task.images.pgid;
        // that of the root may be outside, and is then inherited
        if (group == task.images.pid || group == root.pgid && root.pgid != root.pid) {
            return;
        }
        try {
            task.joinGroup(Stat.read(task.images.pid).pgrp());
        } catch (RemoteSyscallException e) {
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "task "
                                    + task.images.pid
                                    + " was in process group "
                                    + group
                                    + ", which cannot be made again: "
                                    + e.errno().describe(),
                            e)
                    .withHint("see docs/limits.md#sessions");
        }
    }

    /** Sessions and groups stand; those that were cloned last end first. */
    private void endPlaceholders() {
        for (int i = tasks.size() - 1; i >= 0; i--) {
            TaskRestore task = tasks.get(i);
            ForkPlan.Node node = task.images.node;
            if (node.placeholder()) {
                task.endAsPlaceholder(byNode.get(node.maker()), byNode.get(node.adopter()));
                tasks.remove(i);
            }
        }
        for (TaskRestore task : tasks) {
            if (!task.images.zombie()) {
                task.setForeground(files);
            }
        }
    }

    private void killAll() {
        for (int i = tasks.size() - 1; i >= 0; i--) {
            tasks.get(i).kill();
        }
    }

    /** Lets all go on. Where that fails for one, the kernel does it when we end. */
    private void release() {
        JcriuException failure = null;
        for (TaskRestore task : tasks) {
            try {
                task.release();
                FaultPoint.RESTORE_RELEASE.pass();
            } catch (RuntimeException e) {
                if (failure == null) {
                    failure = JcriuException.of(e);
                } else {
                    failure.addSuppressed(e);
                }
            }
        }
        if (failure != null) {
            throw failure.withTargetState("restored, and running on")
                    .withHint("check that it does what it should; else kill it, and restore again");
        }
    }

    private void writePidFile(Path path) {
        try {
            Files.createFile(
                    path,
                    PosixFilePermissions.asFileAttribute(
                            Set.of(
                                    PosixFilePermission.OWNER_READ,
                                    PosixFilePermission.OWNER_WRITE)));
            Files.write(
                    path,
                    Integer.toString(tree.get(0).pid).getBytes(StandardCharsets.US_ASCII),
                    StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot write the pid file " + path + ": " + e, e)
                    .withHint("it must not exist before; remove it, or name another");
        }
    }

    private void removePidFile() {
        try {
            Files.deleteIfExists(options.pidFile().get());
        } catch (IOException e) {
            LOG.warn("the pid file {} stays behind: {}", options.pidFile().get(), e.toString());
        }
    }

    /** One byte to --status-fd: the tree is about to go on. */
    private void announce() {
        if (options.statusFd().isPresent()) {
            try (Fd fd = new Fd(options.statusFd().getAsInt(), "--status-fd");
                    NativeMemory zero = NativeMemory.allocate(8)) {
                Native.check(
                        Native.call(Syscall.WRITE, fd.number(), zero.address(), 1),
                        "write to --status-fd");
            }
        }
    }

    private void writeStats(long nanos) {
        restore_stats_entry stats =
                restore_stats_entry
                        .newBuilder()
                        .setPagesCompared(pagesShared)
                        .setPagesSkippedCow(pagesShared)
                        .setForkingTime((int) (forkingNanos / 1000))
                        .setRestoreTime((int) (nanos / 1000))
                        .setPagesRestored(pagesRestored)
                        .build();
        try (ImageWriter out = new ImageDir(options.workDir()).writer(ImageType.STATS, "restore")) {
            out.write(stats_entry.newBuilder().setRestore(stats).build());
        }
        if (options.displayStats()) {
            System.out.println("restore: " + stats.toString().strip().replace("\n", ", "));
        }
    }

    private int awaitRoot() {
        int pid = tree.get(0).pid;
        int ours = Stat.read((int) ProcessHandle.current().pid()).pgrp();
        Interruption.onlyWaiting("restored, and running on");
        files.ttys().foreground(tree.get(0).pgid);
        int status = Child.await(pid);
        files.ttys().setForeground(ours);
        return status;
    }
}
