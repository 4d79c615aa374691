package jcriu.resource;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.ProcessConstants.*;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.jcriu_thread;
import jcriu.image.proto.task_core_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.Tracee;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What CRIU's messages have no field for, in an image of our own: timer slack, processor affinity,
 * I/O priority, the core dump filter, what threads have switched.
 */
public final class TaskExtras {
    private static final int AFFINITY_BYTES = 1024;
    private static final int DEFAULT_COREDUMP_FILTER = 0x33;
    private static final String OOM_SCORE_ADJ = "/proc/self/oom_score_adj";
    private static final Path LOGINUID = Path.of("/proc/self/loginuid");
    private static final Logger LOG = LoggerFactory.getLogger("tasks");

    private final List<jcriu_task> tasks = new ArrayList<>();

    /**
     * Adds a frozen task.
     *
     * @param own threads that have directories of their own, each with the first of those that
     *     share them
     */
    public void dump(
            TaskState state,
            StopState stops,
            List<ThreadState> threads,
            FileTable files,
            Map<Integer, Integer> own) {
        int pid = state.pid();
        jcriu_task.Builder task = jcriu_task.newBuilder().setPid(pid);
        stops.dump(pid, state.stopSignal() != 0, task);
        if (state.stat().exitSignal() != SIGCHLD) {
            task.setExitSignal(state.stat().exitSignal());
        }
        String filter =
                new String(
                        ProcFs.read("/proc/" + pid + "/coredump_filter"),
                        StandardCharsets.US_ASCII);
        if (!filter.isBlank()) {
            task.setCoredumpFilter(Integer.parseUnsignedInt(filter.strip(), 16));
        }
        try (NativeMemory mask = NativeMemory.allocate(AFFINITY_BYTES)) {
            for (ThreadState asked : threads) {
                jcriu_thread.Builder thread = jcriu_thread.newBuilder();
                asked.dump(thread);
                int tid = thread.getTid();
                long n =
                        Native.call(Syscall.SCHED_GETAFFINITY, tid, AFFINITY_BYTES, mask.address());
                if (n > 0) {
                    thread.setAffinity(ByteString.copyFrom(mask.get(0, (int) n)));
                }
                long ioprio = Native.call(Syscall.IOPRIO_GET, 1, tid);
                if (ioprio >= 0) {
                    thread.setIoprio((int) ioprio);
                }
                Scheduling.dump(tid, thread);
                if (own.containsKey(tid)) {
                    thread.setFsOwner(own.get(tid)).setFs(state.dumpFs(files, asked.status()));
                }
                task.addThreads(thread);
            }
        }
        synchronized (tasks) {
            tasks.add(task.build());
        }
    }

    /** Adds a zombie, where there is something to say of it. */
    public void dumpZombie(Stat zombie) {
        jcriu_task.Builder task = jcriu_task.newBuilder().setPid(zombie.pid());
        if (zombie.exitSignal() != SIGCHLD) {
            task.setExitSignal(zombie.exitSignal());
        }
        int uid = Status.read(zombie.pid()).uids()[0];
        if (uid != 0) {
            task.setZombieUid(uid);
        }
        if (task.hasExitSignal() || task.hasZombieUid()) {
            synchronized (tasks) {
                tasks.add(task.build());
            }
        }
    }

    /** The signal that a task sends to its parent when it ends; 0 for none. */
    public static int exitSignal(jcriu_task task) {
        return task != null && task.hasExitSignal() ? task.getExitSignal() : SIGCHLD;
    }

    public void write(ImageDir images) {
        try (ImageWriter out = images.writer(ImageType.JCRIU_TASKS)) {
            tasks.forEach(out::write);
        }
    }

    /** The extras of an image, by pid; none in an image that another tool wrote. */
    public static Map<Integer, jcriu_task> read(ImageDir images) {
        Map<Integer, jcriu_task> tasks = new HashMap<>();
        try (ImageReader in = images.reader(ImageType.JCRIU_TASKS)) {
            for (jcriu_task task : in.readAll(jcriu_task.parser())) {
                tasks.put(task.getPid(), task);
            }
        }
        return tasks;
    }

    /** The extras of a thread; empty ones where there are none. */
    public static jcriu_thread thread(jcriu_task task, int tid) {
        if (task != null) {
            for (jcriu_thread thread : task.getThreadsList()) {
                if (thread.getTid() == tid) {
                    return thread;
                }
            }
        }
        return jcriu_thread.newBuilder().setTid(tid).build();
    }

    /** Adds what a thread sets for itself. */
    public static void restore(jcriu_task task, int tid, core_entry core, RemoteBatch batch) {
        jcriu_thread thread = thread(task, tid);
        if (thread.hasTimerslackNs()) {
            batch.add(
                    "set the timer slack",
                    Syscall.PRCTL,
                    PR_SET_TIMERSLACK,
                    thread.getTimerslackNs());
        }
        if (thread.hasAffinity()) {
            // another machine may have fewer processors: the kernel's choice is then as good
            long mask = batch.data(thread.getAffinity().toByteArray());
            batch.tolerate(Syscall.SCHED_SETAFFINITY, 0, thread.getAffinity().size(), mask);
        }
        if (thread.hasSched()) {
            Scheduling.restore(thread.getSched(), core, batch);
        }
        if (thread.hasIoprio()) {
            batch.add("set the I/O priority", Syscall.IOPRIO_SET, 1, 0, thread.getIoprio());
        }
        Switches.restore(thread, batch);
        NumaPolicy.restore(thread, batch);
    }

    /** Sets the core dump filter from outside; a seed has that of jcriu. */
    public static void restoreCoredumpFilter(jcriu_task task, int pid) {
        int filter =
                task != null && task.hasCoredumpFilter()
                        ? task.getCoredumpFilter()
                        : DEFAULT_COREDUMP_FILTER;
        write("/proc/" + pid + "/coredump_filter", "0x" + Integer.toHexString(filter));
    }

    /**
     * Refuses, before anything is made, what a restore may not set.
     *
     * @param task null if there is nothing
     */
    public static void check(task_core_entry tc, jcriu_task task, int pid) {
        if (tc.hasOomScoreAdj() && !mayScore(tc.getOomScoreAdj())) {
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "pid "
                                    + pid
                                    + " ("
                                    + tc.getComm()
                                    + ") had oom_score_adj "
                                    + tc.getOomScoreAdj()
                                    + ", jcriu has "
                                    + number(OOM_SCORE_ADJ)
                                    + " and lacks CAP_SYS_RESOURCE to lower it")
                    .withHint("restore as root with that capability");
        }
        if (task != null) {
            Switches.check(task);
        }
    }

    /**
     * Whether our processes may have an oom_score_adj. How low it may go without CAP_SYS_RESOURCE
     * the kernel shows nowhere: we try.
     */
    static boolean mayScore(int wanted) {
        long ours = number(OOM_SCORE_ADJ);
        if (wanted >= ours) {
            return true;
        }
        try {
            write(OOM_SCORE_ADJ, Integer.toString(wanted));
        } catch (SyscallException e) {
            if (e.errno() == Errno.EACCES) {
                return false;
            }
            throw e;
        }
        write(OOM_SCORE_ADJ, Long.toString(ours));
        return true;
    }

    /** Our own oom_score_adj. */
    static int oomScore() {
        return (int) number(OOM_SCORE_ADJ);
    }

    private static long number(String path) {
        return Long.parseLong(new String(ProcFs.read(path), StandardCharsets.US_ASCII).strip());
    }

    private static void write(String path, String text) {
        byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
        try (Fd file = Fd.open(path, O_WRONLY);
                NativeMemory bytes = NativeMemory.allocate(ascii.length)) {
            bytes.put(0, ascii);
            file.writeFully(bytes.address(), ascii.length, 0);
        }
    }

    /** Sets oom_score_adj from outside, where it differs from ours. */
    public static void restoreOomScore(int pid, int wanted) {
        String path = "/proc/" + pid + "/oom_score_adj";
        if (number(path) != wanted) {
            write(path, Integer.toString(wanted));
        }
    }

    /**
     * Sets the loginuid, which only a task itself can do, where it differs from ours. The audit
     * system may forbid it; that is no reason not to restore.
     *
     * @param leader has no open descriptor
     */
    public static void restoreLoginuid(task_core_entry tc, Tracee leader, RemoteBatch batch) {
        long wanted = tc.getLoginuid() & 0xffffffffL;
        if (!tc.hasLoginuid() || !Files.exists(LOGINUID) || number(LOGINUID.toString()) == wanted) {
            return;
        }
        byte[] text = Long.toString(wanted).getBytes(StandardCharsets.US_ASCII);
        batch.add(
                "open loginuid",
                Syscall.OPENAT,
                AT_FDCWD,
                batch.cString(LOGINUID.toString()),
                O_WRONLY,
                0);
        int written = batch.tolerate(Syscall.WRITE, 0, batch.data(text), text.length);
        batch.add("", Syscall.CLOSE, 0);
        batch.run(leader);
        long result = batch.result(written);
        batch.reset();
        if (Native.failed(result)) {
            LOG.warn(
                    "pid {} keeps the loginuid of jcriu, not {}: {}",
                    leader.pid(),
                    wanted,
                    Errno.ofResult(result).describe());
        }
    }
}
