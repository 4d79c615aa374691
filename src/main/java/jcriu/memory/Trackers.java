package jcriu.memory;

import jcriu.errors.EnvironmentException;

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
            case SoftDirtyTracker.NAME -> softDirty();
            case UffdTracker.NAME -> uffd();
            default -> throw new IllegalArgumentException("tracker " + name);
        };
    }

    private static Tracker softDirty() {
        if (!SoftDirtyTracker.works()) {
            throw new EnvironmentException(
                            "this kernel has no soft-dirty bits, or does not tell us page frames")
                    .withHint(
                            "use --tracker digest; or a kernel with CONFIG_MEM_SOFT_DIRTY, and"
                                    + " CAP_SYS_ADMIN");
        }
        return new SoftDirtyTracker();
    }

    private static Tracker uffd() {
        if (!UffdTracker.works()) {
            throw (EnvironmentException)
                    new EnvironmentException(
                                    "the tracker uffd-wp does not work on this kernel: it takes"
                                            + " Linux 6.7 with CONFIG_PTE_MARKER_UFFD_WP, and"
                                            + " leave to call userfaultfd(2)")
                            .withTargetState("untouched")
                            .withHint("say --tracker digest");
        }
        return new UffdTracker();
    }
}
