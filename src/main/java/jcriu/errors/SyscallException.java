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

    /** What to do about some errors, whatever failed with them; null for others. */
    static String hintFor(Errno errno) {
        return switch (errno.name()) {
            case "ENOSPC", "EDQUOT" ->
                    "make room on that file system, or choose another --images-dir";
            case "EROFS" -> "mount it writable, or choose another --images-dir";
            case "EMFILE" -> "allow more descriptors: ulimit -n";
            case "ENFILE" -> "allow more open files: sysctl fs.file-max";
            case "ENOMEM" ->
                    "free memory, raise what limits the process (prlimit --as --data), or allow"
                            + " more mappings: sysctl vm.max_map_count";
            case "EAGAIN" ->
                    "allow more processes: ulimit -u, sysctl kernel.pid_max, cgroup pids.max";
            default -> null;
        };
    }

    @Override
    public String hint() {
        return super.hint() != null ? super.hint() : hintFor(errno);
    }

    public Errno errno() {
        return errno;
    }

    static Kind kindOf(Errno errno) {
        return switch (errno.name()) {
            case "ESRCH" -> Kind.TARGET_GONE;
            case "EPERM",
                    "EACCES",
                    "ENOSYS",
                    "EOPNOTSUPP",
                    "ENOMEM",
                    "EMFILE",
                    "ENFILE",
                    "EAGAIN" ->
                    Kind.ENVIRONMENT;
            case "ENOSPC", "EIO", "EDQUOT", "EROFS", "EFBIG", "ETXTBSY" -> Kind.IO;
            case "ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENXIO", "ENODEV" ->
                    Kind.IO;
            default -> Kind.INTERNAL;
        };
    }
}
