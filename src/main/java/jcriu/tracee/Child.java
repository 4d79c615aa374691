package jcriu.tracee;

/** A child of ours that runs on its own. */
public final class Child {
    private Child() {}

    /** Waits for its end; the status as a shell would report it. */
    public static int await(int pid) {
        int status;
        do {
            status = Ptrace.await(pid, 0);
        } while (!WaitStatus.gone(status));
        return WaitStatus.shellStatus(status);
    }
}
