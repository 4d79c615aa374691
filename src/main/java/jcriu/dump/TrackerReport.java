package jcriu.dump;

import java.io.PrintStream;
import jcriu.memory.Tracker;

/** What a dump has to say of its tracker, beside the statistics. */
final class TrackerReport {
    private TrackerReport() {}

    /** {@code tracker: NAME}, and a line of its own for each fall-back. */
    static void print(Tracker tracker, PrintStream out) {
        out.println("tracker: " + tracker.name());
        tracker.fallbacks().forEach(why -> out.println("tracker: " + why));
    }
}
