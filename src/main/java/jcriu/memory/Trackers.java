package jcriu.memory;

import java.util.Optional;
import jcriu.errors.EnvironmentException;
import jcriu.image.proto.jcriu_track;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The trackers there are. */
public final class Trackers {
    /** The best that works here, and leaves nothing behind that the program could notice. */
    public static final String AUTO = "auto";

    public static final String NO_SOFT_DIRTY =
            "this kernel has no soft-dirty bits, or does not tell us page frames";
    public static final String NO_UFFD =
            "it takes Linux 6.7 with CONFIG_PTE_MARKER_UFFD_WP, and leave to call userfaultfd(2)";

    private static final Logger LOG = LoggerFactory.getLogger("tracker");

    private Trackers() {}

    /**
     * A tracker for one dump. Whether one works is tried, not asked.
     *
     * <p>{@link #AUTO} goes on with marks that the parent has. Where it has none, and marks are to
     * be set, it takes soft-dirty bits; where there are none, contents are compared. It does not
     * begin with uffd-wp, which changes what mremap(2) does and leaves a process: see ADR 0015.
     *
     * @param name checked already
     * @param parent what stands in the parent images
     * @param arm whether marks are to be set for a next dump
     */
    public static Tracker choose(String name, Optional<jcriu_track> parent, boolean arm) {
        return switch (name) {
            case AUTO -> best(parent.map(jcriu_track::getTracker).orElse(""), arm);
            case DigestTracker.NAME -> new DigestTracker();
            case SoftDirtyTracker.NAME -> softDirty();
            case UffdTracker.NAME -> uffd();
            default -> throw new IllegalArgumentException("tracker " + name);
        };
    }

    /** One more of the same kind, which works as well as that does. */
    public static Tracker another(Tracker tracker) {
        return switch (tracker.name()) {
            case SoftDirtyTracker.NAME -> new SoftDirtyTracker();
            case UffdTracker.NAME -> new UffdTracker();
            default -> new DigestTracker();
        };
    }

    private static Tracker best(String parent, boolean arm) {
        boolean begun = parent.equals(UffdTracker.NAME);
        if (begun && UffdTracker.works()) {
            return chosen(new UffdTracker(), "the parent was made with it");
        }
        if ((arm || parent.equals(SoftDirtyTracker.NAME)) && SoftDirtyTracker.works()) {
            return chosen(new SoftDirtyTracker(), "soft-dirty bits work here");
        }
        if (!arm) {
            return chosen(new DigestTracker(), "the parent has no marks that could be read here");
        }
        return chosen(
                new DigestTracker(),
                begun || !UffdTracker.works()
                        ? "neither soft-dirty bits nor uffd-wp work here"
                        : "soft-dirty bits do not work here; --tracker uffd-wp does, and would make"
                                + " the freeze of large programs shorter");
    }

    private static Tracker chosen(Tracker tracker, String why) {
        LOG.info("{}: {}", tracker.name(), why);
        return tracker;
    }

    private static Tracker softDirty() {
        if (!SoftDirtyTracker.works()) {
            throw new EnvironmentException(NO_SOFT_DIRTY)
                    .withHint(
                            "use --tracker digest; or a kernel with CONFIG_MEM_SOFT_DIRTY, and"
                                    + " CAP_SYS_ADMIN");
        }
        return new SoftDirtyTracker();
    }

    private static Tracker uffd() {
        if (!UffdTracker.works()) {
            throw new EnvironmentException(
                            "the tracker uffd-wp does not work on this kernel: " + NO_UFFD)
                    .withHint("say --tracker digest");
        }
        return new UffdTracker();
    }
}
