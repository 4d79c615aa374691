package jcriu.restore;

import jcriu.errors.EnvironmentException;

/** Placeholder: replaced by the real order of steps of a restore. */
public final class Restorer {
    private Restorer() {}

    /** Returns the exit status to pass on: 0 when detached, else that of the root task. */
    public static int restore(RestoreOptions options) {
        throw new EnvironmentException(
                "cannot restore from " + options.imagesDir() + ": not built yet");
    }
}
