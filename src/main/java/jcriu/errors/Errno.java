package jcriu.errors;

import java.util.HashMap;
import java.util.Map;

/**
 * An error number of the kernel with its name and meaning.
 *
 * <p>Source: errno(3). The numbers are those of asm-generic/errno.h, the same on every architecture
 * that jcriu knows.
 */
public record Errno(int number, String name, String meaning) {
    private static final Map<Integer, Errno> KNOWN = new HashMap<>();

    public static final Errno EPERM = known(1, "EPERM", "operation not permitted");
    public static final Errno ENOENT = known(2, "ENOENT", "no such file or directory");
    public static final Errno ESRCH = known(3, "ESRCH", "no such process");
    public static final Errno EINTR = known(4, "EINTR", "interrupted system call");
    public static final Errno EIO = known(5, "EIO", "input/output error");
    public static final Errno ENXIO = known(6, "ENXIO", "no such device or address");
    public static final Errno E2BIG = known(7, "E2BIG", "argument list too long");
    public static final Errno ENOEXEC = known(8, "ENOEXEC", "exec format error");
    public static final Errno EBADF = known(9, "EBADF", "bad file descriptor");
    public static final Errno ECHILD = known(10, "ECHILD", "no child processes");
    public static final Errno EAGAIN = known(11, "EAGAIN", "resource temporarily unavailable");
    public static final Errno ENOMEM = known(12, "ENOMEM", "cannot allocate memory");
    public static final Errno EACCES = known(13, "EACCES", "permission denied");
    public static final Errno EFAULT = known(14, "EFAULT", "bad address");
    public static final Errno EBUSY = known(16, "EBUSY", "device or resource busy");
    public static final Errno EEXIST = known(17, "EEXIST", "file exists");
    public static final Errno EXDEV = known(18, "EXDEV", "invalid cross-device link");
    public static final Errno ENODEV = known(19, "ENODEV", "no such device");
    public static final Errno ENOTDIR = known(20, "ENOTDIR", "not a directory");
    public static final Errno EISDIR = known(21, "EISDIR", "is a directory");
    public static final Errno EINVAL = known(22, "EINVAL", "invalid argument");
    public static final Errno ENFILE = known(23, "ENFILE", "too many open files in system");
    public static final Errno EMFILE = known(24, "EMFILE", "too many open files");
    public static final Errno ENOTTY = known(25, "ENOTTY", "inappropriate ioctl for device");
    public static final Errno ETXTBSY = known(26, "ETXTBSY", "text file busy");
    public static final Errno EFBIG = known(27, "EFBIG", "file too large");
    public static final Errno ENOSPC = known(28, "ENOSPC", "no space left on device");
    public static final Errno ESPIPE = known(29, "ESPIPE", "illegal seek");
    public static final Errno EROFS = known(30, "EROFS", "read-only file system");
    public static final Errno EMLINK = known(31, "EMLINK", "too many links");
    public static final Errno EPIPE = known(32, "EPIPE", "broken pipe");
    public static final Errno ERANGE = known(34, "ERANGE", "numerical result out of range");
    public static final Errno EDEADLK = known(35, "EDEADLK", "resource deadlock avoided");
    public static final Errno ENAMETOOLONG = known(36, "ENAMETOOLONG", "file name too long");
    public static final Errno ENOSYS = known(38, "ENOSYS", "function not implemented");
    public static final Errno ENOTEMPTY = known(39, "ENOTEMPTY", "directory not empty");
    public static final Errno ELOOP = known(40, "ELOOP", "too many levels of symbolic links");
    public static final Errno EOVERFLOW =
            known(75, "EOVERFLOW", "value too large for defined data type");
    public static final Errno EOPNOTSUPP = known(95, "EOPNOTSUPP", "operation not supported");
    public static final Errno ETIMEDOUT = known(110, "ETIMEDOUT", "connection timed out");
    public static final Errno EDQUOT = known(122, "EDQUOT", "disk quota exceeded");

    private static Errno known(int number, String name, String meaning) {
        Errno errno = new Errno(number, name, meaning);
        KNOWN.put(number, errno);
        return errno;
    }

    /** The errno with this positive number; one that has no row here is named by its number. */
    public static Errno of(int number) {
        Errno errno = KNOWN.get(number);
        return errno != null ? errno : new Errno(number, "errno " + number, "");
    }

    /** The errno in a raw system call result between -4095 and -1. */
    public static Errno ofResult(long result) {
        return of((int) -result);
    }

    /** For a message, e.g. {@code ENOSPC (no space left on device)}. */
    public String describe() {
        return meaning.isEmpty() ? name : name + " (" + meaning + ")";
    }
}
