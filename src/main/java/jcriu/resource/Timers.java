package jcriu.resource;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import jcriu.image.proto.itimer_entry;
import jcriu.image.proto.posix_timer_entry;
import jcriu.image.proto.task_timers_entry;
import jcriu.kernel.Assembler;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;
import jcriu.proc.PosixTimers;
import jcriu.tracee.RemoteBatch;

/**
 * Interval timers, setitimer(2), and POSIX timers, timer_create(2): with the time left, and POSIX
 * timers under their ids.
 */
final class Timers {
    private static final int ITIMERVAL_SIZE = 32;

    private Timers() {}

    /** What a batch was asked; read it with {@link #dump} after the run. */
    static final class Asked {
        private final long[] itimers = new long[3];
        private List<PosixTimers.Timer> posix = List.of();
        private long[] values;
        private int[] overruns;
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

    /**
     * Makes the POSIX timers, not yet running: each under its id. Linux 6.15 takes the id, once
     * prctl(PR_TIMER_CREATE_RESTORE_IDS) has asked for it; before, the kernel counts ids up, and
     * timers are made and deleted until an id is reached.
     *
     * @param count whether the kernel counts
     */
    static void create(task_timers_entry timers, boolean count, RemoteBatch batch) {
        List<posix_timer_entry> sorted = new ArrayList<>(timers.getPosixList());
        sorted.sort(Comparator.comparingInt(posix_timer_entry::getItId));
        int next = 0;
        for (posix_timer_entry timer : sorted) {
            long id = batch.data(8);
            batch.putInt(id, timer.getItId());
            while (count && next < timer.getItId()) {
                batch.add("", Syscall.TIMER_CREATE, 1, 0, batch.data(8));
                batch.add("", Syscall.TIMER_DELETE, next++);
            }
            next++;
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
        if (!sorted.isEmpty() && !count) {
            batch.add("", Syscall.PRCTL, ProcessConstants.PR_TIMER_CREATE_RESTORE_IDS, 0);
        }
    }

    /** Starts all timers; the last thing before the task goes on. */
    static void start(task_timers_entry timers, RemoteBatch batch) {
        itimer(0, timers.getReal(), batch);
        itimer(1, timers.getVirt(), batch);
        itimer(2, timers.getProf(), batch);
        for (posix_timer_entry timer : timers.getPosixList()) {
            boolean expired = timer.getVsec() == 0 && timer.getVnsec() == 0;
            if (expired && timer.getIsec() == 0 && timer.getInsec() == 0) {
                continue;
            }
            long value = batch.data(ITIMERVAL_SIZE);
            batch.putLong(value, timer.getIsec());
            batch.putLong(value + 8, timer.getInsec());
            batch.putLong(value + 16, expired ? timer.getIsec() : timer.getVsec());
            batch.putLong(value + 24, expired ? timer.getInsec() : timer.getVnsec());
            batch.add(
                    "start timer " + timer.getItId(),
                    Syscall.TIMER_SETTIME,
                    timer.getItId(),
                    0,
                    value,
                    0);
        }
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
