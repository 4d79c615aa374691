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
import jcriu.resource.Inheritance;
import jcriu.resource.Privileges;
import jcriu.resource.RestoredFiles;
import jcriu.resource.StopState;
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
                task.makeThreads();
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
            task.restoreLoginuid();
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
        TaskRestore rootTask =
                new TaskRestore(rootImages, root, scratch, vdso, Inheritance.none(rootImages.mm));
        tasks.add(rootTask);
        FaultPoint.RESTORE_SPAWN.pass();
        root.require(Syscall.CLOSE_RANGE, 0, 0xffffffffL, 0);
        files.makeSegments(root, pids());
        tables = TableSharing.descriptors(tree);
        directories = TableSharing.directories(tree);
        forkChildren(rootTask, -1);
        joinGroups();
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
        Map<LoadedTask, TaskRestore> byImages = new HashMap<>();
        for (TaskRestore task : tasks) {
            byImages.put(task.images, task);
        }
        for (TaskRestore task : tasks) {
            StopState.Untold untold = StopState.untold(task.images.extras, task.images.stopped());
            if (!task.ended() && (task.images.stopped() || untold != StopState.Untold.NOTHING)) {
                task.stop(untold, byImages.get(task.images.parent));
            }
        }
        for (TaskRestore task : live()) {
            task.takeChildSignals();
        }
    }

    /**
     * Clones the children of a task: those that kept the session which their parent had before it
     * made its own come first. Of either kind, those that share nothing with their parent's memory
     * come first; for the others that memory must be there.
     */
    private void forkChildren(TaskRestore parent, int inheritedSid) {
        LoadedTask images = parent.images;
        boolean leads = images.sid == images.pid;
        List<LoadedTask> early = new ArrayList<>();
        List<LoadedTask> late = new ArrayList<>();
        for (LoadedTask child : images.children) {
            boolean ownSession = child.sid == child.pid;
            boolean before = leads && !ownSession && child.sid == inheritedSid;
            (before ? early : late).add(child);
        }
        addChildren(parent, early, inheritedSid);
        parent.makeSession();
        parent.takeTerminal(files);
        for (LoadedTask child : late) {
            if (child.sid != child.pid && child.sid != images.sid) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "task "
                                        + child.pid
                                        + " is in session "
                                        + child.sid
                                        + ", whose leader is not among its ancestors")
                        .withHint("see docs/limits.md#sessions");
            }
        }
        addChildren(parent, late, images.sid);
        tables.childrenMade(parent);
        directories.childrenMade(parent);
    }

    private void addChildren(TaskRestore parent, List<LoadedTask> children, int inheritedSid) {
        Map<LoadedTask, Inheritance> sharing = new java.util.LinkedHashMap<>();
        for (LoadedTask child : children) {
            Inheritance kept = parent.inheritedBy(child);
            if (kept.any()) {
                sharing.put(child, kept);
            } else {
                addChild(parent, child, kept, inheritedSid);
            }
        }
        for (Map.Entry<LoadedTask, Inheritance> child : sharing.entrySet()) {
            makeMemory(parent);
            addChild(parent, child.getKey(), child.getValue(), inheritedSid);
        }
    }

    private void addChild(
            TaskRestore parent, LoadedTask child, Inheritance kept, int inheritedSid) {
        Interruption.check();
        long shared = tables.flagFor(parent, child) | directories.flagFor(parent, child);
        TaskRestore task = parent.fork(child, shared, kept);
        tasks.add(task);
        FaultPoint.RESTORE_FORK.pass();
        forkChildren(task, inheritedSid);
    }

    /** Leaders of groups first, so that the others can join. */
    private void joinGroups() {
        int outside = options.shellJob() ? tree.get(0).pgid : -1;
        boolean rootLeads = tree.get(0).pgid == tree.get(0).pid;
        for (TaskRestore task : tasks) {
            if (task.images.pgid == task.images.pid && task.images.sid != task.images.pid) {
                task.leader.require(Syscall.SETPGID, 0, 0);
            }
        }
        Map<Integer, Integer> helpers = makeLostGroups(rootLeads ? -1 : outside);
        for (TaskRestore task : tasks) {
            if (task.images.pgid != task.images.pid && (rootLeads || task.images.pgid != outside)) {
                try {
                    task.joinGroup(Stat.read(task.images.pid).pgrp());
                } catch (jcriu.errors.RemoteSyscallException e) {
                    throw new JcriuException(
                                    Kind.RESTORE_REFUSED,
                                    "task "
                                            + task.images.pid
                                            + " was in process group "
                                            + task.images.pgid
                                            + ", which cannot be made again: "
                                            + e.errno().describe(),
                                    e)
                            .withHint("see docs/limits.md#sessions");
                }
            }
        }
        FaultPoint.RESTORE_GROUPS.pass();
        for (TaskRestore task : tasks) {
            Integer group = helpers.remove(task.images.pgid);
            if (group != null) {
                task.endHelper(group);
            }
        }
        for (TaskRestore task : tasks) {
            if (!task.images.zombie()) {
                task.setForeground(files);
            }
        }
    }

    /**
     * A group lives on when its leader has ended. To make it again, the first member gets a child
     * with the leader's pid, which makes the group, and ends when all have joined.
     */
    private Map<Integer, Integer> makeLostGroups(int outside) {
        Set<Integer> pids = new HashSet<>();
        for (TaskRestore task : tasks) {
            pids.add(task.images.pid);
        }
        Map<Integer, Integer> helpers = new HashMap<>();
        for (TaskRestore task : tasks) {
            int group = task.images.pgid;
            if (!pids.contains(group) && group != outside && !helpers.containsKey(group)) {
                task.startHelper(group);
                helpers.put(group, group);
            }
        }
        return helpers;
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
