package jcriu.dump;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.locks.LockSupport;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.proc.ProcFs;

/**
 * The virtual machine's just-in-time compiler, seen from outside: its threads are tasks of our
 * process, and {@code schedstat} says how long each has run. What it compiles in the background it
 * shall not compile while a tree is stopped.
 *
 * <p>Source: Documentation/scheduler/sched-stats.rst.
 */
final class Compiler {
    private static final long STEP_NANOS = 2_000_000;
    private static final long IDLE_NANOS = 200_000;

    private Compiler() {}

    /** CPU time of all compiler threads so far, ns; always 0 where it cannot be known. */
    static long busyNanos() {
        int pid = (int) ProcessHandle.current().pid();
        long sum = 0;
        for (int tid : ProcFs.tasks(pid)) {
            String directory = "/proc/" + pid + "/task/" + tid;
            try {
                if (text(directory + "/comm").contains(" Compiler")) {
                    String stat = text(directory + "/schedstat");
                    sum += Long.parseLong(stat.substring(0, stat.indexOf(' ')));
                }
            } catch (TaskGoneException | SyscallException e) {
                // the thread has ended, or this kernel keeps no such statistics
            }
        }
        return sum;
    }

    /** Waits until the compiler does nothing, but not longer than this. */
    static void awaitIdle(long limitNanos) {
        long deadline = System.nanoTime() + limitNanos;
        long before = busyNanos();
        long now;
        do {
            LockSupport.parkNanos(STEP_NANOS);
            now = busyNanos();
            if (now - before < IDLE_NANOS) {
                return;
            }
            before = now;
        } while (System.nanoTime() - deadline < 0);
    }

    private static String text(String path) {
        return new String(ProcFs.read(path), StandardCharsets.ISO_8859_1);
    }
}
