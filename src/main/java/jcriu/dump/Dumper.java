package jcriu.dump;

import jcriu.errors.EnvironmentException;

/** Placeholder: replaced by the real order of steps of a dump. */
public final class Dumper {
    private Dumper() {}

    public static void dump(DumpOptions options) {
        throw (EnvironmentException)
                new EnvironmentException("cannot dump pid " + options.pid() + ": not built yet")
                        .withTargetState("untouched");
    }
}
