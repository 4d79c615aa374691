package jcriu.errors;

/**
 * What went wrong, as a script needs to know it: each kind has its own exit code.
 *
 * <p>All codes stay below 126, which shells keep for "could not run" and "killed by a signal".
 */
public enum Kind {
    /** jcriu itself is at fault. */
    INTERNAL(1, "internal error: a defect of jcriu"),
    /** The command line cannot be understood. */
    USAGE(2, "usage: the command line is wrong"),
    /** A capability, kernel feature or directory that jcriu needs is missing. */
    ENVIRONMENT(3, "environment: a capability, kernel feature or directory is missing"),
    /** The target holds something that cannot be saved. */
    UNSUPPORTED(4, "target not supported: it holds something that cannot be saved"),
    /** The target does not exist, or ended while it was being dumped. */
    TARGET_GONE(5, "target gone: no such process, or it ended meanwhile"),
    /** An image is missing, incomplete or damaged. */
    IMAGE(6, "damaged image: missing, incomplete or wrong content"),
    /** Reading or writing failed: disk full, I/O error. */
    IO(7, "input/output: disk full, not writable, read error"),
    /** The restore cannot be done here: a pid is taken, a file is missing or has changed. */
    RESTORE_REFUSED(8, "restore refused: a pid is taken, a file is missing or changed"),
    /** SIGINT, SIGTERM or SIGHUP came before it was done. */
    INTERRUPTED(9, "interrupted: a signal told jcriu to end");

    private final int exitCode;
    private final String description;

    Kind(int exitCode, String description) {
        this.exitCode = exitCode;
        this.description = description;
    }

    public int exitCode() {
        return exitCode;
    }

    /** The next step where the code that noticed the failure knows no better one. */
    public String nextStep() {
        return switch (this) {
            case INTERNAL -> "run again with -v4 for the stack, and report it";
            case USAGE -> "see jcriu --help";
            case ENVIRONMENT -> "run jcriu as root, with all capabilities; see docs/limits.md";
            case UNSUPPORTED -> "see docs/limits.md";
            case TARGET_GONE -> "check that it runs, and try again";
            case IMAGE -> "the images are damaged: use another copy, or dump again";
            case IO ->
                    "check that file system: room, mode, health; or choose another directory with"
                            + " --images-dir and --work-dir";
            case RESTORE_REFUSED -> "put back what is missing, or dump again";
            case INTERRUPTED -> "run the same command again";
        };
    }

    /** One line for {@code --help} and the documentation. */
    public String description() {
        return description;
    }
}
