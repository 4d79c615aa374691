package jcriu.errors;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * SIGINT, SIGTERM or SIGHUP while we work: the thread that works is asked to undo what it did, and
 * the program ends with an exit code, never by the signal.
 *
 * <p>The JVM turns these signals into its shutdown hooks, in a thread of their own. What ptrace has
 * stopped only the tracer thread can let go; so the hook waits while that thread comes to its next
 * {@link #check}, unwinds and reports. A hook, because {@code sun.misc.Signal} cannot be compiled
 * without a warning.
 */
public final class Interruption {
    private static final long UNWIND_SECONDS = 60;
    private static final String NOTHING = "nothing is left to be done";
    private static final CountDownLatch ENDED = new CountDownLatch(1);

    private static volatile boolean requested;
    private static volatile boolean shielded;
    private static volatile String waitingFor;
    private static volatile int exitCode;

    private Interruption() {}

    /** Called once, before the work. */
    public static void install() {
        try {
            Runtime.getRuntime()
                    .addShutdownHook(new Thread(Interruption::onShutdown, "interruption"));
        } catch (IllegalStateException e) {
            leave("unchanged", "run the same command again"); // the signal came before us
        }
    }

    /** The work is done and this is the exit code, whatever signal comes now. */
    public static void ended(int code) {
        exitCode = code;
        ENDED.countDown();
    }

    /**
     * Throws where a signal came.
     *
     * @throws JcriuException INTERRUPTED
     */
    public static void check() {
        if (requested && !shielded) {
            throw new JcriuException(Kind.INTERRUPTED, "interrupted by a signal");
        }
    }

    /** From here on nothing can be undone, or is being undone already: signals wait for the end. */
    public static void shield() {
        shielded = true;
    }

    /**
     * The work is done and we wait for somebody else: a signal ends the program at once.
     *
     * @param state of the target, for the message
     */
    public static void onlyWaiting(String state) {
        waitingFor = state;
        if (requested) {
            leave(state, NOTHING);
        }
    }

    private static void onShutdown() {
        if (ENDED.getCount() == 0) {
            Runtime.getRuntime().halt(exitCode); // System.exit, or a signal at the last moment
        }
        requested = true;
        String state = waitingFor;
        if (state != null) {
            leave(state, NOTHING);
        }
        try {
            if (ENDED.await(UNWIND_SECONDS, TimeUnit.SECONDS)) {
                Runtime.getRuntime().halt(exitCode);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        leave(
                "unknown: jcriu did not come to an end; the kernel lets go of what it had stopped",
                NOTHING);
    }

    private static void leave(String state, String next) {
        JcriuException failure = new JcriuException(Kind.INTERRUPTED, "interrupted by a signal");
        failure.withTargetState(state).withHint(next);
        System.err.println("Error: " + failure.render());
        System.err.flush();
        Runtime.getRuntime().halt(Kind.INTERRUPTED.exitCode());
    }
}
