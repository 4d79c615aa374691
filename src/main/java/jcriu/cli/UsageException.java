package jcriu.cli;

import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/** The command line, or a configuration file, cannot be understood. */
final class UsageException extends JcriuException {
    private static final long serialVersionUID = 1L;

    UsageException(String what) {
        this(what, "see jcriu --help");
    }

    UsageException(String what, String next) {
        super(Kind.USAGE, what);
        withHint(next);
    }
}
