package jcriu.resource;

import static jcriu.kernel.ProcessConstants.*;

import com.google.protobuf.ByteString;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.IntConsumer;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.fs_entry;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.rlimit_entry;
import jcriu.image.proto.siginfo_entry;
import jcriu.image.proto.task_core_entry;
import jcriu.image.proto.task_rlimits_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Auxv;
import jcriu.proc.Capabilities;
import jcriu.proc.Limits;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.Native;
import jcriu.tracee.FrozenTask;
import jcriu.tracee.RemoteBatch;

/**
 * What all threads of a process share, memory and descriptors aside: signal handlers, shared
 * pending signals, timers, limits, directories, and the addresses that the kernel keeps of its
 * memory.
 */
public final class TaskState {
    /** Room for the questions to a leader without POSIX timers. */
    private static final int BATCH_BYTES = 16 << 10;

    /** Of {@code modify_ldt}: what to do, and the bytes of an entry. */
    private static final int READ_LDT = 0;

    private static final int LDT_ENTRY = 8;
    private static final int NONE = -1;

    /** Personality, subreaper, and a registration for membarrier(2) for each bit. */
    private static final int MOST_SWITCHES = 2 + 32;

    private final FrozenTask task;
    private Stat stat;
    private RemoteBatch batch;
    private long sigactions;
    private Timers.Asked timers;
    private long words;
    private int brk;
    private int dumpable;
    private int thpDisabled;
    private int mergeAny;
    private int mdwe;
    private int personality;
    private int membarrier;
    private int ldt;
    private long childEvent;
    private List<byte[]> pending;

    public TaskState(FrozenTask task) {
        this.task = task;
    }

    /** Refuses what cannot be saved, while the task runs. */
    public static void check(String name, int pid, int threads) {
        Timers.check(name, pid, threads);
    }

    /**
     * Refuses limits that a restore could not set, before anything is made: a seed has our limits,
     * and raising a hard limit takes CAP_SYS_RESOURCE, setrlimit(2).
     */
    public static void checkLimits(task_core_entry tc, int pid) {
        if (Capabilities.effective().has(Capabilities.CAP_SYS_RESOURCE)) {
            return;
        }
        Limits ours = Limits.read((int) ProcessHandle.current().pid());
        for (int i = 0; i < Math.min(Limits.NR_LIMITS, tc.getRlimits().getRlimitsCount()); i++) {
            long wanted = tc.getRlimits().getRlimits(i).getMax();
            if (Long.compareUnsigned(wanted, ours.hard(i)) > 0) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "pid "
                                        + pid
                                        + " ("
                                        + tc.getComm()
                                        + ") had the hard limit "
                                        + Limits.text(wanted)
                                        + " for "
                                        + Limits.name(i)
                                        + ", jcriu has "
                                        + Limits.text(ours.hard(i))
                                        + " and lacks CAP_SYS_RESOURCE to raise it")
                        .withHint(
                                "restore where the limits are as high, or as root with that capability");
            }
        }
    }

    /** Reads what can be seen from outside; the room that the questions to the leader take. */
    public int observe() {
        timers = Timers.observe(task.pid());
        return BATCH_BYTES + Timers.batchBytes(timers);
    }

    /** Adds the questions that only the task itself can ask; its leader asks them. */
    public void ask(RemoteBatch batch) {
        this.batch = batch;
        stat = Stat.read(task.pid());
        sigactions = SigActions.ask(batch);
        Timers.ask(timers, batch);
        words = batch.data(16);
        batch.add("", Syscall.PRCTL, PR_GET_CHILD_SUBREAPER, words);
        brk = batch.add("", Syscall.BRK, 0);
        dumpable = batch.add("", Syscall.PRCTL, PR_GET_DUMPABLE);
        thpDisabled = batch.tolerate(Syscall.PRCTL, PR_GET_THP_DISABLE, 0, 0, 0, 0);
        mergeAny = batch.tolerate(Syscall.PRCTL, PR_GET_MEMORY_MERGE, 0, 0, 0, 0);
        mdwe = batch.tolerate(Syscall.PRCTL, PR_GET_MDWE, 0, 0, 0, 0);
        personality = batch.add("", Syscall.PERSONALITY, 0xffffffffL);
        childEvent = StopState.ask(batch);
        membarrier = batch.tolerate(Syscall.MEMBARRIER, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0);
        ldt = NONE;
        if (Syscall.MODIFY_LDT.exists(Native.ARCH)) {
            ldt = batch.tolerate(Syscall.MODIFY_LDT, READ_LDT, batch.data(LDT_ENTRY), LDT_ENTRY);
        }
    }

    /** Reads what only the tracer can read, when the leader has answered. */
    public void gather() {
        pending = task.leader().pendingSignals(true);
    }

    /** Whether a child has stopped or gone on, and this task has not been told yet. */
    public boolean hasChildEvent() {
        return StopState.anyEvent(childEvent, batch);
    }

    public int pid() {
        return task.pid();
    }

    /** The signal that holds the process in a group-stop, or 0. */
    public int stopSignal() {
        return task.leader().stopSignal();
    }

    public Stat stat() {
        return stat;
    }

    /** What only the task itself could say: modify_ldt(2) reads nothing where there is no table. */
    private void checkSegments() {
        if (ldt != NONE && batch.result(ldt) > 0) {
            throw new UnsupportedStateException(
                            "pid "
                                    + task.pid()
                                    + " ("
                                    + stat.comm()
                                    + ") has segments of its own (modify_ldt), which is not"
                                    + " supported")
                    .withHint("see docs/limits.md#memory");
        }
    }

    /** Makes the process's part of the leader's core image. */
    public task_core_entry dump() {
        checkSegments();
        int pid = task.pid();
        int stopSignal = stopSignal();
        task_core_entry.Builder tc =
                task_core_entry
                        .newBuilder()
                        .setTaskState(
                                stopSignal != 0
                                        ? jcriu.image.TaskState.STOPPED
                                        : jcriu.image.TaskState.ALIVE)
                        .setExitCode(0)
                        .setPersonality((int) batch.result(personality))
                        .setFlags((int) stat.flags())
                        .setBlkSigset(task.leader().signalMask())
                        .setCommBytes(ByteString.copyFrom(stat.commBytes()))
                        .setTimers(Timers.dump(timers, batch))
                        .setRlimits(limits(pid))
                        .setSignalsS(ThreadState.queue(pending))
                        .setLoginuid((int) number(pid, "loginuid", 0xffffffffL))
                        .setOomScoreAdj((int) number(pid, "oom_score_adj", 0))
                        .addAllSigactions(SigActions.dump(sigactions, batch))
                        .setChildSubreaper(batch.getInt(words) != 0);
        if (stopSignal != 0) {
            tc.setStopSigno(stopSignal);
        }
        long registered = batch.result(membarrier);
        if (registered > 0) {
            tc.setMembarrierRegistrationMask((int) registered);
        }
        return tc.build();
    }

    private static task_rlimits_entry limits(int pid) {
        Limits limits = Limits.read(pid);
        task_rlimits_entry.Builder out = task_rlimits_entry.newBuilder();
        for (int i = 0; i < Limits.NR_LIMITS; i++) {
            out.addRlimits(rlimit_entry.newBuilder().setCur(limits.soft(i)).setMax(limits.hard(i)));
        }
        return out.build();
    }

    private static long number(int pid, String file, long otherwise) {
        try {
            byte[] text = ProcFs.read("/proc/" + pid + "/" + file);
            return Long.parseLong(new String(text, StandardCharsets.US_ASCII).trim());
        } catch (SyscallException e) {
            if (e.errno() == Errno.ENOENT) {
                return otherwise; // this kernel has no such file
            }
            throw e;
        }
    }

    /** What prctl(PR_GET_MDWE) says; 0 where the kernel does not know it. */
    int mdwe() {
        return (int) Math.max(0, batch.result(mdwe));
    }

    /** Flags of prctl(PR_SET_THP_DISABLE), Linux 6.18. */
    int thpFlags() {
        return (int) Math.max(0, batch.result(thpDisabled)) & ~1;
    }

    /** What prctl(PR_GET_MEMORY_MERGE) says, Linux 6.4. */
    boolean mergeAny() {
        return batch.result(mergeAny) == 1;
    }

    /** Makes the mm image. */
    public mm_entry dumpMm(List<vma_entry> vmas, FileTable files) {
        int pid = task.pid();
        mm_entry.Builder mm =
                mm_entry.newBuilder()
                        .setMmStartCode(stat.startCode())
                        .setMmEndCode(stat.endCode())
                        .setMmStartData(stat.startData())
                        .setMmEndData(stat.endData())
                        .setMmStartStack(stat.startStack())
                        .setMmStartBrk(stat.startBrk())
                        .setMmBrk(batch.result(brk))
                        .setMmArgStart(stat.argStart())
                        .setMmArgEnd(stat.argEnd())
                        .setMmEnvStart(stat.envStart())
                        .setMmEnvEnd(stat.envEnd())
                        .setExeFileId(
                                files.reference(
                                        "/proc/" + pid + "/exe",
                                        "pid " + pid + " (" + stat.comm() + "): its executable",
                                        0))
                        .addAllVmas(vmas)
                        .addAllAios(AioRing.dump(pid, vmas))
                        .setDumpable((int) batch.result(dumpable));
        for (long word : Auxv.read(pid)) {
            mm.addMmSavedAuxv(word);
        }
        long thp = batch.result(thpDisabled);
        if (!Native.failed(thp)) {
            mm.setThpDisabled(thp != 0);
        }
        return mm.build();
    }

    /** Makes the fs image of one of its threads. */
    public fs_entry dumpFs(FileTable files, Status thread) {
        String subject = "pid " + task.pid() + " (" + stat.comm() + ")";
        return Directories.dump(task.pid(), thread, subject, files);
    }

    // ------------------------------------------------------------------ restore

    /** Adds what gives a task its handlers, limits and the like; timers are not yet running. */
    public static void restore(
            task_core_entry tc,
            Limits ours,
            int pid,
            boolean countTimerIds,
            RemoteBatch batch,
            Runnable flush,
            IntConsumer in) {
        SigActions.restore(tc.getSigactionsList(), batch);
        Timers.create(tc.getTimers(), pid, countTimerIds, batch, flush, in);
        makeRoom(MOST_SWITCHES, 0, batch, flush);
        batch.add("set the personality", Syscall.PERSONALITY, tc.getPersonality() & 0xffffffffL);
        if (tc.getChildSubreaper()) {
            batch.add("become a subreaper", Syscall.PRCTL, PR_SET_CHILD_SUBREAPER, 1);
        }
        int membarrier = tc.getMembarrierRegistrationMask();
        for (int bit = 0; bit < 32; bit++) {
            // a registration is kept as the bit of the command that made it
            if ((membarrier & 1 << bit) != 0) {
                batch.add("register for membarrier", Syscall.MEMBARRIER, 1L << bit, 0, 0);
            }
        }
        for (siginfo_entry signal : tc.getSignalsS().getSignalsList()) {
            makeRoom(1, SIGINFO_SIZE, batch, flush);
            byte[] info = signal.getSiginfo().toByteArray();
            long at = batch.data(java.util.Arrays.copyOf(info, SIGINFO_SIZE));
            batch.add(
                    "queue a pending signal",
                    Syscall.RT_SIGQUEUEINFO,
                    pid,
                    ThreadState.signalNumber(info),
                    at);
        }
        makeRoom(Limits.NR_LIMITS, Limits.NR_LIMITS * 16, batch, flush);
        for (int i = 0; i < Math.min(Limits.NR_LIMITS, tc.getRlimits().getRlimitsCount()); i++) {
            rlimit_entry limit = tc.getRlimits().getRlimits(i);
            if (limit.getCur() == ours.soft(i) && limit.getMax() == ours.hard(i)) {
                continue;
            }
            long at = batch.data(16);
            batch.putLong(at, limit.getCur());
            batch.putLong(at + 8, limit.getMax());
            batch.add("set resource limit " + i, Syscall.PRLIMIT64, 0, i, at, 0);
        }
    }

    private static void makeRoom(int calls, int bytes, RemoteBatch batch, Runnable flush) {
        if (!batch.fits(calls, bytes)) {
            flush.run();
        }
    }

    /**
     * Adds what starts the timers.
     *
     * @param pending signals of the process and its threads
     * @param in takes the batch to the thread that the next calls are for
     */
    public static void startTimers(
            task_core_entry tc,
            int pid,
            long pending,
            RemoteBatch batch,
            Runnable flush,
            IntConsumer in) {
        Timers.start(tc.getTimers(), pid, pending, batch, flush, in);
    }
}
