package jcriu.resource;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.ProcessConstants.*;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.jcriu_thread;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteBatch;

/**
 * What CRIU's messages have no field for, in an image of our own: timer slack, processor affinity,
 * I/O priority, the core dump filter.
 */
public final class TaskExtras {
    private static final int AFFINITY_BYTES = 1024;
    private static final int DEFAULT_COREDUMP_FILTER = 0x33;

    private final List<jcriu_task> tasks = new ArrayList<>();

    /** Adds a frozen task; {@code timerSlacks} are those of its threads, in their order. */
    public void dump(TaskState state, StopState stops, List<Integer> tids, List<Long> timerSlacks) {
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
            for (int i = 0; i < tids.size(); i++) {
                int tid = tids.get(i);
                jcriu_thread.Builder thread =
                        jcriu_thread.newBuilder().setTid(tid).setTimerslackNs(timerSlacks.get(i));
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

    /** Adds what a thread sets for itself. */
    public static void restore(jcriu_task task, int tid, core_entry core, RemoteBatch batch) {
        if (task == null) {
            return;
        }
        for (jcriu_thread thread : task.getThreadsList()) {
            if (thread.getTid() != tid) {
                continue;
            }
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
        }
    }

    /** Sets the core dump filter from outside; a seed has that of jcriu. */
    public static void restoreCoredumpFilter(jcriu_task task, int pid) {
        int filter =
                task != null && task.hasCoredumpFilter()
                        ? task.getCoredumpFilter()
                        : DEFAULT_COREDUMP_FILTER;
        byte[] text = ("0x" + Integer.toHexString(filter)).getBytes(StandardCharsets.US_ASCII);
        try (Fd file = Fd.open("/proc/" + pid + "/coredump_filter", O_WRONLY);
                NativeMemory bytes = NativeMemory.allocate(text.length)) {
            bytes.put(0, text);
            file.writeFully(bytes.address(), text.length, 0);
        }
    }

    /** Sets oom_score_adj from outside, where it differs from ours. */
    public static void restoreOomScore(int pid, int wanted) {
        String path = "/proc/" + pid + "/oom_score_adj";
        String now = new String(ProcFs.read(path), StandardCharsets.US_ASCII).strip();
        if (!now.equals(Integer.toString(wanted))) {
            byte[] text = Integer.toString(wanted).getBytes(StandardCharsets.US_ASCII);
            try (Fd file = Fd.open(path, O_WRONLY);
                    NativeMemory bytes = NativeMemory.allocate(text.length)) {
                bytes.put(0, text);
                file.writeFully(bytes.address(), text.length, 0);
            }
        }
    }
}
