package jcriu.errors;

/** A system call of our own failed. */
public final class SyscallException extends JcriuException {
    private static final long serialVersionUID = 1L;

    private final transient Errno errno;

    /**
     * @param operation what was being done and on what, e.g. {@code open /proc/12/maps}
     */
    public SyscallException(String operation, Errno errno) {
        super(kindOf(errno), operation + ": " + errno.describe());
        this.errno = errno;
    }

    public Errno errno() {
        return errno;
    }

    static Kind kindOf(Errno errno) {
        return switch (errno.name()) {
            case "ESRCH" -> Kind.TARGET_GONE;
            case "EPERM", "EACCES" -> Kind.ENVIRONMENT;
            case "ENOSPC", "EIO", "EDQUOT", "EROFS", "EFBIG" -> Kind.IO;
            default -> Kind.INTERNAL;
        };
    }
}
