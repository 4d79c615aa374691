package jcriu.tracee;

import jcriu.kernel.PtraceConstants;

/** Questions to a status of wait4(2). */
public final class WaitStatus {
    private WaitStatus() {}

    public static boolean exited(int status) {
        return (status & 0x7f) == 0;
    }

    public static boolean killed(int status) {
        return ((status & 0x7f) + 1 & 0xff) >> 1 > 0 && (status & 0xff) != 0x7f;
    }

    public static boolean stopped(int status) {
        return (status & 0xff) == 0x7f;
    }

    /** The task does not exist any more. */
    public static boolean gone(int status) {
        return exited(status) || killed(status);
    }

    public static int exitCode(int status) {
        return status >> 8 & 0xff;
    }

    public static int termSignal(int status) {
        return status & 0x7f;
    }

    public static int stopSignal(int status) {
        return status >> 8 & 0xff;
    }

    /** PTRACE_EVENT_* of a stop, 0 for a stop by a signal. */
    public static int event(int status) {
        return status >> 16;
    }

    /** Stopped by PTRACE_INTERRUPT, as a new tracee, or in a group-stop. */
    static boolean eventStop(int status) {
        return stopped(status) && event(status) == PtraceConstants.PTRACE_EVENT_STOP;
    }

    /** As a shell passes it on: the exit code, or 128 and the signal. */
    public static int shellStatus(int status) {
        return exited(status) ? exitCode(status) : 128 + termSignal(status);
    }
}
