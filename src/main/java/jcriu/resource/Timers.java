package jcriu.resource;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.IntConsumer;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.itimer_entry;
import jcriu.image.proto.posix_timer_entry;
import jcriu.image.proto.task_timers_entry;
import jcriu.kernel.Assembler;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;
import jcriu.proc.PosixTimers;
import jcriu.sys.Clocks;
import jcriu.tracee.RemoteBatch;

/**
 * Interval timers, setitimer(2), and POSIX timers, timer_create(2): with the time left, and POSIX
 * timers under their ids.
 */
final class Timers {
    private static final int ITIMERVAL_SIZE = 32;
    private static final int TIMER_ABSTIME = 1;
    private static final long SECOND = 1_000_000_000;

    /** How long a signal may take that is due. */
    private static final long OVERRUN_NANOS = 100_000_000;

    /**
     * CLOCK_THREAD_CPUTIME_ID as the kernel keeps it: a CPU clock of the calling thread, which is
     * {@code ~tid << 3 | kind} with the tid 0. The numbers -8 to -1 all mean the caller; bit 2 says
     * the thread, not its process.
     */
    private static boolean isCallersCpuClock(int clockId) {
        return clockId >> 3 == -1 && (clockId & 4) != 0;
    }

    private Timers() {}

    /** What a batch was asked; read it with {@link #dump} after the run. */
    static final class Asked {
        private final long[] itimers = new long[3];
        private List<PosixTimers.Timer> posix = List.of();
        private long[] values;
        private int[] overruns;
    }

    /**
     * Refuses a timer on the processor time of a thread that cannot be told: it was made with
     * CLOCK_THREAD_CPUTIME_ID, and tells the process.
     */
    static void check(String name, int pid, int threads) {
        if (threads == 1) {
            return;
        }
        for (PosixTimers.Timer timer : PosixTimers.read(pid)) {
            if (isCallersCpuClock(timer.clockId())
                    && (timer.sigevNotify() & ProcessConstants.SIGEV_THREAD_ID) == 0) {
                throw new UnsupportedStateException(
                                name
                                        + ": timer "
                                        + timer.id()
                                        + " measures CLOCK_THREAD_CPUTIME_ID of a thread that the"
                                        + " kernel does not name")
                        .withHint("see docs/limits.md#timers");
            }
        }
    }

    /** The timers that there are, whose values {@link #ask} asks for. */
    static Asked observe(int pid) {
        Asked asked = new Asked();
        asked.posix = PosixTimers.read(pid);
        return asked;
    }

    /** Room that the questions take in a batch. */
    static int batchBytes(Asked asked) {
        return asked.posix.size() * (2 * Assembler.BATCH_ENTRY_SIZE + ITIMERVAL_SIZE);
    }

    static void ask(Asked asked, RemoteBatch batch) {
        for (int which = 0; which < 3; which++) {
            asked.itimers[which] = batch.data(ITIMERVAL_SIZE);
            batch.add("", Syscall.GETITIMER, which, asked.itimers[which]);
        }
        asked.values = new long[asked.posix.size()];
        asked.overruns = new int[asked.posix.size()];
        for (int i = 0; i < asked.values.length; i++) {
            asked.values[i] = batch.data(ITIMERVAL_SIZE);
            batch.add("", Syscall.TIMER_GETTIME, asked.posix.get(i).id(), asked.values[i]);
            asked.overruns[i] = batch.add("", Syscall.TIMER_GETOVERRUN, asked.posix.get(i).id());
        }
    }

    static task_timers_entry dump(Asked asked, RemoteBatch batch) {
        task_timers_entry.Builder timers =
                task_timers_entry
                        .newBuilder()
                        .setReal(itimer(asked.itimers[0], batch))
                        .setVirt(itimer(asked.itimers[1], batch))
                        .setProf(itimer(asked.itimers[2], batch));
        for (int i = 0; i < asked.values.length; i++) {
            PosixTimers.Timer timer = asked.posix.get(i);
            long value = asked.values[i];
            posix_timer_entry.Builder entry =
                    posix_timer_entry
                            .newBuilder()
                            .setItId(timer.id())
                            .setClockId(timer.clockId())
                            .setSiSigno(timer.signo())
                            .setItSigevNotify(timer.sigevNotify())
                            .setSivalPtr(timer.sigevValue())
                            .setOverrun((int) batch.result(asked.overruns[i]))
                            .setIsec(batch.getLong(value))
                            .setInsec(batch.getLong(value + 8))
                            .setVsec(batch.getLong(value + 16))
                            .setVnsec(batch.getLong(value + 24));
            if ((timer.sigevNotify() & ProcessConstants.SIGEV_THREAD_ID) != 0) {
                entry.setNotifyThreadId(timer.target());
            }
            timers.addPosix(entry);
        }
        return timers.build();
    }

    private static itimer_entry itimer(long at, RemoteBatch batch) {
        return itimer_entry
                .newBuilder()
                .setIsec(batch.getLong(at))
                .setIusec(batch.getLong(at + 8))
                .setVsec(batch.getLong(at + 16))
                .setVusec(batch.getLong(at + 24))
                .build();
    }

    /** The POSIX timers of an image by ascending id. */
    static List<posix_timer_entry> byId(task_timers_entry timers) {
        List<posix_timer_entry> sorted = new ArrayList<>(timers.getPosixList());
        sorted.sort(Comparator.comparingInt(posix_timer_entry::getItId));
        return sorted;
    }

    /**
     * Makes the POSIX timers, not yet running: each under its id. Linux 6.15 takes the id, once
     * prctl(PR_TIMER_CREATE_RESTORE_IDS) has asked for it; before, the kernel counts ids up, and
     * timers are made and deleted until an id is reached.
     *
     * <p>CLOCK_THREAD_CPUTIME_ID is the clock of the thread that makes the timer: {@code in} takes
     * the batch to the thread that the next calls are for.
     *
     * @param count whether the kernel counts
     * @param flush makes room in the batch, in the thread that it is for
     */
    static void create(
            task_timers_entry timers,
            int pid,
            boolean count,
            RemoteBatch batch,
            Runnable flush,
            IntConsumer in) {
        List<posix_timer_entry> sorted = byId(timers);
        int next = 0;
        for (posix_timer_entry timer : sorted) {
            in.accept(clockOwner(timer.getClockId(), timer.getNotifyThreadId(), pid));
            while (count && next < timer.getItId()) {
                makeRoom(2, 8, batch, flush);
                batch.add("", Syscall.TIMER_CREATE, 1, 0, batch.data(8));
                batch.add("", Syscall.TIMER_DELETE, next++);
            }
            next++;
            makeRoom(1, 8 + ProcessConstants.SIGEVENT_SIZE, batch, flush);
            long id = batch.data(8);
            batch.putInt(id, timer.getItId());
            long event = batch.data(ProcessConstants.SIGEVENT_SIZE);
            batch.putLong(event, timer.getSivalPtr());
            batch.putInt(event + 8, timer.getSiSigno());
            batch.putInt(event + 12, timer.getItSigevNotify());
            batch.putInt(event + 16, timer.getNotifyThreadId());
            batch.add(
                    "create timer " + timer.getItId(),
                    Syscall.TIMER_CREATE,
                    timer.getClockId(),
                    event,
                    id);
        }
        in.accept(pid);
        if (!sorted.isEmpty() && !count) {
            makeRoom(1, 0, batch, flush);
            batch.add("", Syscall.PRCTL, ProcessConstants.PR_TIMER_CREATE_RESTORE_IDS, 0);
        }
    }

    /**
     * The thread whose processor time a timer measures, where it was made with
     * CLOCK_THREAD_CPUTIME_ID: nothing tells who made it, but such a timer tells its own thread.
     */
    private static int clockOwner(int clockId, int notifiedThread, int pid) {
        return isCallersCpuClock(clockId) && notifiedThread != 0 ? notifiedThread : pid;
    }

    private static void makeRoom(int calls, int bytes, RemoteBatch batch, Runnable flush) {
        if (!batch.fits(calls, bytes)) {
            flush.run();
        }
    }

    /**
     * Starts all timers; the last thing before the task goes on.
     *
     * @param pending signals of the process and its threads
     * @param in as for {@link #create}
     */
    static void start(
            task_timers_entry timers,
            int pid,
            long pending,
            RemoteBatch batch,
            Runnable flush,
            IntConsumer in) {
        itimer(0, timers.getReal(), batch);
        itimer(1, timers.getVirt(), batch);
        itimer(2, timers.getProf(), batch);
        for (posix_timer_entry timer : timers.getPosixList()) {
            boolean expired = timer.getVsec() == 0 && timer.getVnsec() == 0;
            if (expired && timer.getIsec() == 0 && timer.getInsec() == 0) {
                continue;
            }
            long first = expired ? 0 : beforeOverruns(timer, pending);
            in.accept(first > 0 && timer.hasNotifyThreadId() ? timer.getNotifyThreadId() : pid);
            makeRoom(2, ITIMERVAL_SIZE + 24, batch, flush);
            long value = batch.data(ITIMERVAL_SIZE);
            batch.putLong(value, timer.getIsec());
            batch.putLong(value + 8, timer.getInsec());
            if (first > 0) {
                batch.putLong(value + 16, first / SECOND);
                batch.putLong(value + 24, first % SECOND);
            } else {
                batch.putLong(value + 16, expired ? timer.getIsec() : timer.getVsec());
                batch.putLong(value + 24, expired ? timer.getInsec() : timer.getVnsec());
            }
            batch.add(
                    "start timer " + timer.getItId(),
                    Syscall.TIMER_SETTIME,
                    timer.getItId(),
                    first > 0 ? TIMER_ABSTIME : 0,
                    value,
                    0);
            if (first > 0) {
                long words = batch.data(24);
                batch.putLong(words, 1L << timer.getSiSigno() - 1);
                batch.putLong(words + 16, OVERRUN_NANOS);
                batch.tolerate(Syscall.RT_SIGTIMEDWAIT, words, 0, words + 8, 8);
            }
        }
        in.accept(pid);
    }

    /**
     * What timer_getoverrun(2) says comes back when the timer is set so long ago that it has been
     * missed as often, and the one signal of that is taken: the kernel counts when it delivers.
     *
     * <p>Not where such a signal is pending already, which would be taken instead; nor for the
     * other clocks: a date on CLOCK_REALTIME moves with it, and processor time begins anew.
     *
     * @return when it should have run out first, in ns of its clock; 0 for a timer to be started
     *     with the time that was left
     */
    private static long beforeOverruns(posix_timer_entry timer, long pending) {
        int clock = timer.getClockId();
        int signal = timer.getSiSigno();
        boolean tells = timer.getItSigevNotify() != ProcessConstants.SIGEV_NONE;
        if (timer.getOverrun() <= 0
                || !tells
                || clock != Clocks.MONOTONIC && clock != Clocks.BOOTTIME
                || signal < 1
                || signal > ProcessConstants.NSIG
                || (pending & 1L << signal - 1) != 0) {
            return 0;
        }
        long[] now = Clocks.read(clock);
        double missed = (timer.getOverrun() + 1.0) * (timer.getIsec() * 1e9 + timer.getInsec());
        if (missed > now[0] * 1e9) {
            return 0; // the machine was started since
        }
        long interval = timer.getIsec() * SECOND + timer.getInsec();
        long left = timer.getVsec() * SECOND + timer.getVnsec();
        return now[0] * SECOND + now[1] + left - (timer.getOverrun() + 1L) * interval;
    }

    private static void itimer(int which, itimer_entry timer, RemoteBatch batch) {
        // expired, with its signal pending: it says 0, and would repeat when the signal is taken
        boolean expired = timer.getVsec() == 0 && timer.getVusec() == 0;
        if (expired && timer.getIsec() == 0 && timer.getIusec() == 0) {
            return;
        }
        long value = batch.data(ITIMERVAL_SIZE);
        batch.putLong(value, timer.getIsec());
        batch.putLong(value + 8, timer.getIusec());
        batch.putLong(value + 16, expired ? timer.getIsec() : timer.getVsec());
        batch.putLong(value + 24, expired ? timer.getIusec() : timer.getVusec());
        batch.add("start interval timer " + which, Syscall.SETITIMER, which, value, 0);
    }
}
