package jcriu.proc;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import jcriu.errors.EnvironmentException;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;

/**
 * {@code /proc/PID/timers}: the timers of timer_create(2), four lines each:
 *
 * <pre>
 * ID: 1
 * signal: 60/00007fff86e452a8
 * notify: signal/pid.2634
 * ClockID: 0
 * </pre>
 *
 * <p>Source: proc_pid_timers(5).
 */
public final class PosixTimers {
    public static final int SIGEV_SIGNAL = 0;
    public static final int SIGEV_NONE = 1;
    public static final int SIGEV_THREAD = 2;
    public static final int SIGEV_THREAD_ID = 4;

    private PosixTimers() {}

    /**
     * One timer.
     *
     * @param sigevValue the user's word that comes with the signal
     * @param sigevNotify SIGEV_ value as timer_create(2) takes it; SIGEV_THREAD_ID is a bit
     * @param target the process that is told, or the thread if sigevNotify has SIGEV_THREAD_ID
     * @param clockId negative for a CPU clock of some task
     */
    public record Timer(
            int id, int signo, long sigevValue, int sigevNotify, int target, int clockId) {}

    /**
     * The timers of a process by ascending id.
     *
     * @throws EnvironmentException if this kernel has no such file
     */
    public static List<Timer> read(int pid) {
        ProcBuffer buffer;
        try {
            buffer = ProcBuffer.read("/proc/" + pid + "/timers");
        } catch (SyscallException e) {
            if (e.errno().equals(Errno.ENOENT)) {
                throw new EnvironmentException("this kernel has no /proc/" + pid + "/timers")
                        .withHint("use a kernel with CONFIG_CHECKPOINT_RESTORE");
            }
            throw e;
        }
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static List<Timer> parse(byte[] text, int lengthBytes) {
        ByteScanner scan = new ByteScanner("timers", text, lengthBytes);
        List<Timer> timers = new ArrayList<>();
        while (!scan.atEnd()) {
            timers.add(timer(scan));
        }
        timers.sort(Comparator.comparingInt(Timer::id));
        return Collections.unmodifiableList(timers);
    }

    private static Timer timer(ByteScanner scan) {
        key(scan, "ID:");
        int id = scan.decimalInt();
        scan.skipLine();
        key(scan, "signal:");
        int signo = scan.decimalInt();
        scan.expect('/');
        long sigevValue = scan.hex();
        scan.skipLine();
        key(scan, "notify:");
        int sigevNotify = sigevNotify(scan);
        scan.expect('.');
        int target = scan.decimalInt();
        scan.skipLine();
        key(scan, "ClockID:");
        int clockId = scan.decimalInt();
        scan.skipLine();
        // Later kernels may say more about each timer.
        while (!scan.atEnd() && scan.peek() != 'I') {
            scan.skipLine();
        }
        return new Timer(id, signo, sigevValue, sigevNotify, target, clockId);
    }

    private static int sigevNotify(ByteScanner scan) {
        scan.skipBlanks();
        int notify;
        if (scan.skipIf("signal/")) {
            notify = SIGEV_SIGNAL;
        } else if (scan.skipIf("none/")) {
            notify = SIGEV_NONE;
        } else if (scan.skipIf("thread/")) {
            notify = SIGEV_THREAD;
        } else {
            throw scan.malformed("signal, none or thread");
        }
        if (scan.skipIf("tid")) {
            return notify | SIGEV_THREAD_ID;
        }
        key(scan, "pid");
        return notify;
    }

    private static void key(ByteScanner scan, String key) {
        if (!scan.skipIf(key)) {
            throw scan.malformed(key);
        }
    }
}
