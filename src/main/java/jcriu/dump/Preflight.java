package jcriu.dump;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import jcriu.errors.EnvironmentException;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.kernel.FileConstants;
import jcriu.kernel.Syscall;
import jcriu.memory.PagemapScan;
import jcriu.memory.UffdTracker;
import jcriu.proc.Capabilities;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.proc.VmFlag;
import jcriu.resource.External;
import jcriu.resource.FileTable;
import jcriu.resource.ForkPlan;
import jcriu.resource.MemoryExtras;
import jcriu.resource.Privileges;
import jcriu.resource.Scheduling;
import jcriu.resource.SharedObjects;
import jcriu.resource.TaskState;
import jcriu.resource.Vmas;
import jcriu.store.Runs;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.tracee.ReturnCode;

/**
 * Everything that can be known before the first task is stopped: whether the tree can be dumped at
 * all, and how much memory there will be to copy. Changes nothing.
 */
final class Preflight {
    private static final String[] NAMESPACES = {
        "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"
    };

    /** Of which those that a task makes for its children are links of their own. */
    private static final String[] CHILDRENS = {"pid", "time"};

    private static final int CHECK_TRIES = 4;

    /** For what was gone when it was to be read: a task may execute many programs in a row. */
    private static final int GONE_TRIES = 40;

    /** As much memory as it takes a millisecond or so to read the flags of. */
    private static final long LARGE = 64 << 20;

    private static final long CHECK_PAUSE_NANOS = 3_000_000;
    private static final int VFORK_TRIES = 20;
    private static final long VFORK_PAUSE_NANOS = 10_000_000;

    private final DumpOptions options;
    private final FileTable files;

    /** Threads by pid, in the order in which the tasks were met. */
    final Map<Integer, int[]> threads = new LinkedHashMap<>();

    /** Bytes of private pages by pid, as far as they could be counted. */
    final Map<Integer, Long> privateBytes = new HashMap<>();

    /** Mappings with their flags, which take a while to read, and the pages in them. */
    record Large(List<MapsVma> vmas, Runs pages) {}

    /** Tasks of so much memory. */
    final Map<Integer, Large> large = new HashMap<>();

    /** Where tasks have their vDSO. */
    final Map<Integer, Long> vdsos = new HashMap<>();

    /** Tasks whose writes are tracked for a dump to come, this one or another. */
    final Set<Integer> watched = new HashSet<>();

    /** Tasks without NUMA policies of mappings. */
    final Set<Integer> unplaced = new HashSet<>();

    /** Bytes of shared objects by id. */
    final Map<Long, Long> sharedBytes = new HashMap<>();

    /** Where each of them is mapped. */
    final Map<Long, Set<ObjectIds.Place>> sharedPlaces = new LinkedHashMap<>();

    /** What opens each of them, as long as its task has it mapped. */
    final Map<Long, String> sharedPaths = new LinkedHashMap<>();

    Preflight(DumpOptions options, ImageDir images) {
        this.options = options;
        this.files = fileTable(options, images, new SharedObjects());
    }

    /** An empty table of the open files of a tree that is dumped so. */
    static FileTable fileTable(DumpOptions options, ImageDir images, SharedObjects shared) {
        return new FileTable(
                images,
                options.shellJob(),
                options.fileLocks(),
                options.linkRemap(),
                options.ghostLimitBytes(),
                External.ofDump(options.external()),
                shared);
    }

    /** Checks the root itself, then every task that the tree has now. */
    void run() {
        int root = options.pid();
        Privileges.ours().require(true, options.unprivileged());
        Stat stat = checkRoot(root);
        List<Integer> pids = new ArrayList<>(List.of(root));
        for (int i = 0; i < pids.size(); i++) {
            int pid = pids.get(i);
            try {
                for (int child : ProcFs.children(pid)) {
                    pids.add(child);
                }
            } catch (TaskGoneException e) {
                continue; // the freeze will see what is left
            }
        }
        checkSession(root, stat);
        List<Integer> live = new ArrayList<>();
        for (int pid : pids) {
            try {
                if (Stat.read(pid).isZombie()) {
                    checkZombie(pid);
                    continue;
                }
                live.add(pid);
                checkRunning(pid);
            } catch (JcriuException e) {
                // whatever was asked of a task that has ended meanwhile: the freeze sees what is
                // left
                if (pid == root || !hasEnded(pid)) {
                    throw e;
                }
            }
        }
        files.checkTogether(root);
        awaitSettled(() -> checkSharing(live));
        awaitSettled(() -> checkClones(root));
    }

    /**
     * A process of which only the first thread has exited is a zombie from outside: descriptors,
     * memory and directories can be reached by none of its files in /proc. One whose threads are
     * all about to end is one soon.
     */
    private static void checkZombie(int pid) {
        int threads = 0;
        for (int tries = 1; tries <= VFORK_TRIES; tries++) {
            threads = ProcFs.tasks(pid).length;
            if (threads <= 1) {
                return;
            }
            LockSupport.parkNanos(VFORK_PAUSE_NANOS);
        }
        throw new UnsupportedStateException(
                        "pid "
                                + pid
                                + " ("
                                + Stat.read(pid).comm()
                                + "): its first thread has exited while "
                                + (threads - 1)
                                + " others live, which is not supported")
                .withHint("see docs/limits.md#threads");
    }

    static boolean hasEnded(int pid) {
        try {
            return Stat.read(pid).isZombie() && ProcFs.tasks(pid).length <= 1;
        } catch (TaskGoneException e) {
            return true;
        }
    }

    /**
     * A vfork in progress shares memory only until its child executes a program; a daemon comes to
     * rest when its parents have ended.
     */
    private static void awaitSettled(Runnable check) {
        for (int tries = 0; ; tries++) {
            try {
                check.run();
                return;
            } catch (UnsupportedStateException e) {
                if (tries == VFORK_TRIES) {
                    throw e;
                }
                LockSupport.parkNanos(VFORK_PAUSE_NANOS);
            }
        }
    }

    /** The tree as it is now; a task or thread that ends meanwhile leaves this to the freeze. */
    private void checkClones(int root) {
        List<ForkPlan.Member> members = new ArrayList<>();
        List<Integer> live = new ArrayList<>();
        List<Integer> pids = new ArrayList<>(List.of(root));
        Map<Integer, Integer> parents = new HashMap<>(Map.of(root, 0));
        try {
            for (int i = 0; i < pids.size(); i++) {
                int pid = pids.get(i);
                Stat stat = Stat.read(pid);
                int parent = parents.get(pid);
                members.add(new ForkPlan.Member(pid, parent, stat.pgrp(), stat.session()));
                if (threads.containsKey(pid) && !stat.isZombie()) {
                    live.add(pid);
                }
                for (int child : ProcFs.children(pid)) {
                    if (parents.putIfAbsent(child, pid) == null) {
                        pids.add(child);
                    }
                }
            }
            SharedTables tables = SharedTables.of(live, FileConstants.KCMP_FILES);
            SharedDirectories directories = SharedDirectories.of(threads);
            CloneCheck.check(
                    members,
                    pid -> live.contains(pid) ? tables.holders(pid).get(0) : -1,
                    pid -> live.contains(pid) ? directories.owner(pid) : -1);
        } catch (TaskGoneException e) {
            return;
        } catch (SyscallException e) {
            if (e.errno() != Errno.ESRCH) {
                throw e;
            }
        }
    }

    private Stat checkRoot(int root) {
        Stat stat;
        Status status;
        try {
            stat = Stat.read(root);
            status = Status.read(root);
        } catch (TaskGoneException e) {
            throw new JcriuException(
                            Kind.TARGET_GONE, "cannot dump pid " + root + ": no such process")
                    .withHint("check the pid given with --tree");
        }
        String name = "pid " + root + " (" + stat.comm() + ")";
        if (status.tgid() != root) {
            throw new JcriuException(
                            Kind.UNSUPPORTED,
                            "cannot dump " + name + ": it is a thread of process " + status.tgid())
                    .withHint("give the process: --tree " + status.tgid());
        }
        if (stat.isZombie()) {
            checkZombie(root);
            throw new JcriuException(
                            Kind.TARGET_GONE, "cannot dump " + name + ": it has exited (zombie)")
                    .withHint("its parent, process " + stat.ppid() + ", has not waited for it yet");
        }
        if (!status.hasMm()) {
            throw new UnsupportedStateException("cannot dump " + name + ": it is a kernel thread")
                    .withHint("only processes of programs can be dumped");
        }
        int self = (int) ProcessHandle.current().pid();
        int ancestor = self;
        while (ancestor > 0) {
            if (ancestor == root) {
                throw new UnsupportedStateException(
                                "cannot dump "
                                        + name
                                        + ": "
                                        + (root == self
                                                ? "it is jcriu itself"
                                                : "it is an ancestor of jcriu, which would be"
                                                        + " dumped with it"))
                        .withHint(
                                "run jcriu from outside the tree, e.g. from another terminal,"
                                        + " or with setsid after the tree was started");
            }
            ancestor = Stat.read(ancestor).ppid();
        }
        return stat;
    }

    private void checkSession(int root, Stat stat) {
        if (stat.session() != root && !options.shellJob()) {
            throw new UnsupportedStateException(
                            "cannot dump pid "
                                    + root
                                    + " ("
                                    + stat.comm()
                                    + "): it is no session leader; its session, "
                                    + stat.session()
                                    + ", is outside the tree")
                    .withHint(
                            "dump it as a shell job: add --shell-job (-j) to dump and restore;"
                                    + " or start the program with setsid");
        }
    }

    /**
     * A running task changes while it is looked at: it ends, closes and unmaps. What stays wrong is
     * refused, what a task had that is gone is no matter.
     */
    private void checkRunning(int pid) {
        for (int tries = 1; ; tries++) {
            try {
                checkTask(pid);
                return;
            } catch (TaskGoneException | SyscallException | UnsupportedStateException e) {
                if (hasEnded(pid)) {
                    throw new TaskGoneException(pid, "while it was checked");
                }
                if (Stat.read(pid).isZombie()) { // another thread is about to make an exec, or not
                    checkZombie(pid);
                }
                if (tries >= (e instanceof UnsupportedStateException ? CHECK_TRIES : GONE_TRIES)) {
                    throw e;
                }
                LockSupport.parkNanos(CHECK_PAUSE_NANOS);
            }
        }
    }

    private void checkTask(int pid) {
        Status status = Status.read(pid);
        String name = "pid " + pid + " (" + Stat.read(pid).comm() + ")";
        if (status.tracerPid() != 0) {
            throw (EnvironmentException)
                    new EnvironmentException(
                                    name + " is already traced by process " + status.tracerPid())
                            .withHint(
                                    "detach that tracer (a debugger, strace, another jcriu) first");
        }
        if (status.seccomp() != 0 && !Capabilities.effective().has(Capabilities.CAP_SYS_ADMIN)) {
            throw (EnvironmentException)
                    new EnvironmentException(
                                    name
                                            + " has seccomp filters, and jcriu lacks the capability"
                                            + " CAP_SYS_ADMIN to suspend them")
                            .withHint("run jcriu as root");
        }
        if (!options.leaveRunning() && Native.call(Syscall.KILL, pid, 0) == -Errno.EPERM.number()) {
            throw (EnvironmentException)
                    new EnvironmentException(
                                    name
                                            + " is another user's, and jcriu lacks the capability"
                                            + " CAP_KILL to end it after the dump")
                            .withHint("run jcriu as root or as that user, or add --leave-running");
        }
        for (String kind : NAMESPACES) {
            checkNamespace(name, pid, kind, " is in another " + kind + " namespace than jcriu");
        }
        for (String kind : CHILDRENS) {
            String what = " has made another " + kind + " namespace for its children";
            checkNamespace(name, pid, kind + "_for_children", what);
        }
        files.check(pid);
        List<MapsVma> vmas = Maps.readSmaps(pid);
        if (vmas.stream().anyMatch(vma -> vma.has(VmFlag.UW)) && UffdTracker.isWatched(pid)) {
            watched.add(pid);
        }
        Vmas.check(pid, vmas, watched.contains(pid));
        for (MapsVma vma : vmas) {
            if (Vmas.isVdso(vma)) {
                vdsos.put(pid, vma.start());
            }
        }
        checkReferences(pid, name, vmas);
        ReturnCode.find(pid, vmas); // searched for now, known in the freeze
        count(pid, vmas);
        if (!MemoryExtras.hasPolicies(pid, vmas)) {
            unplaced.add(pid);
        }
        threads.put(pid, ProcFs.tasks(pid));
        TaskState.check(name, pid, threads.get(pid).length);
        for (int tid : threads.get(pid)) {
            Scheduling.check(name, tid);
            if (tid != pid && differ(pid, tid, FileConstants.KCMP_FILES)) {
                throw new UnsupportedStateException(
                                name
                                        + ": thread "
                                        + tid
                                        + " has descriptors of its own, which is not supported yet")
                        .withHint("see docs/limits.md#threads");
            }
        }
    }

    private static void checkNamespace(String name, int pid, String link, String what) {
        String theirs = namespace("/proc/" + pid + "/ns/" + link);
        if (!theirs.equals(namespace("/proc/self/ns/" + link))) {
            throw new UnsupportedStateException(name + what + ", which is not supported yet")
                    .withHint("see docs/limits.md#namespaces");
        }
    }

    /** Empty where the kernel has no such namespace, or where it is still without a process. */
    private static String namespace(String link) {
        String name = ProcFs.tryReadlink(link);
        return name == null ? "" : name;
    }

    /** Executable, directories, and mappings of files that are gone. */
    private void checkReferences(int pid, String name, List<MapsVma> vmas) {
        String proc = "/proc/" + pid + "/";
        files.checkReference(proc + "exe", name + ": its executable");
        files.checkReference(proc + "cwd", name + ": its working directory");
        files.checkReference(proc + "root", name + ": its root directory");
        for (MapsVma vma : vmas) {
            if (vma.deleted() && Vmas.isFile(vma) && !Vmas.isSharedObject(vma)) {
                String link = Long.toHexString(vma.start()) + "-" + Long.toHexString(vma.end());
                files.checkReference(proc + "map_files/" + link, name + ": memory at " + vma);
            }
        }
    }

    private static boolean differ(int first, int second, int type) {
        long r = Native.call(Syscall.KCMP, first, second, type, 0, 0);
        return r > 0;
    }

    private void count(int pid, List<MapsVma> vmas) {
        Runs runs = new Runs();
        long shared = 0;
        try (PagemapScan scan = new PagemapScan(pid)) {
            for (MapsVma vma : vmas) {
                if (Vmas.hasPrivatePages(vma)) {
                    Vmas.scan(vma, scan, runs);
                    continue;
                }
                if (!Vmas.isSharedObject(vma)) {
                    continue;
                }
                shared += vma.lengthBytes();
                long id = SharedObjects.idOf(vma);
                sharedPlaces
                        .computeIfAbsent(id, i -> new LinkedHashSet<>())
                        .add(new ObjectIds.Place(pid, vma.start()));
                if (!sharedBytes.containsKey(id)) {
                    String link =
                            "/proc/"
                                    + pid
                                    + "/map_files/"
                                    + Long.toHexString(vma.start())
                                    + "-"
                                    + Long.toHexString(vma.end());
                    FileStat stat = FileStat.tryOf(link);
                    if (stat != null) {
                        sharedBytes.put(id, SharedObjects.bytesOf(stat));
                        sharedPaths.put(id, link);
                    }
                }
            }
        }
        privateBytes.put(pid, runs.bytes());
        if (runs.bytes() + shared >= LARGE) {
            large.put(pid, new Large(vmas, runs));
        }
    }

    /** Tasks that share memory or handlers without being threads are refused. */
    static void checkSharing(List<Integer> pids) {
        int[] types = {FileConstants.KCMP_VM, FileConstants.KCMP_SIGHAND};
        String[] names = {"memory", "signal handlers"};
        for (int t = 0; t < types.length; t++) {
            List<Integer> sorted = new ArrayList<>();
            for (int pid : pids) {
                int low = 0;
                int high = sorted.size();
                while (low < high) {
                    int middle = (low + high) >>> 1;
                    long r = Native.call(Syscall.KCMP, pid, sorted.get(middle), types[t], 0, 0);
                    if (r == 0) {
                        throw new UnsupportedStateException(
                                        "pids "
                                                + sorted.get(middle)
                                                + " and "
                                                + pid
                                                + " share their "
                                                + names[t]
                                                + " without being threads (a vfork in progress, or"
                                                + " clone flags), which is not supported yet")
                                .withHint("try again later, or see docs/limits.md#sharing");
                    }
                    if (r == 1) {
                        high = middle;
                    } else if (r == 2) {
                        low = middle + 1;
                    } else {
                        low = -1;
                        break; // gone, or not comparable: the freeze will see
                    }
                }
                if (low >= 0) {
                    sorted.add(low, pid);
                }
            }
        }
    }
}
