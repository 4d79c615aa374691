package jcriu.memory;

/** The trackers there are. */
public final class Trackers {
    /** The best that works here. */
    public static final String AUTO = "auto";

    private Trackers() {}

    /**
     * A tracker for one dump.
     *
     * @param name checked already
     */
    public static Tracker open(String name) {
        return switch (name) {
            case AUTO, DigestTracker.NAME -> new DigestTracker();
            default -> throw new IllegalArgumentException("tracker " + name);
        };
    }
}
