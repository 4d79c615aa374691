package jcriu.proc;

import jcriu.errors.EnvironmentException;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.sys.FileStat;

/** Why a {@code /proc} file could not be read. */
final class ProcFailure {
    private ProcFailure() {}

    /**
     * @param result a raw result between -4095 and -1
     */
    static JcriuException of(String path, long result) {
        String during = "reading " + path;
        Errno errno = Errno.ofResult(result);
        String taskDir = taskDirectory(path);
        boolean missing = errno == Errno.ENOENT || errno == Errno.ESRCH;
        // ESRCH while the directory is there: a zombie or a kernel thread, which have no memory
        if (taskDir != null
                && missing
                && (errno == Errno.ESRCH || FileStat.tryOf(taskDir) == null)) {
            return new TaskGoneException(idAtEnd(taskDir), during);
        }
        if (errno == Errno.EACCES || errno == Errno.EPERM) {
            return new EnvironmentException("may not read " + path)
                    .withHint("run as root or with CAP_SYS_PTRACE");
        }
        return new SyscallException(missing ? "open " + path : during, errno);
    }

    /** {@code /proc/1/task/2} of {@code /proc/1/task/2/stat}; null if the path names no task. */
    private static String taskDirectory(String path) {
        int process = endOfId(path, "/proc/", 0);
        if (process < 0) {
            return null;
        }
        int thread = endOfId(path, "/task/", process);
        return path.substring(0, thread < 0 ? process : thread);
    }

    /** Where the digits end that follow {@code prefix} at {@code at}, or -1. */
    private static int endOfId(String path, String prefix, int at) {
        if (!path.startsWith(prefix, at)) {
            return -1;
        }
        int from = at + prefix.length();
        int to = from;
        while (to < path.length() && Character.isDigit(path.charAt(to))) {
            to++;
        }
        return to == from ? -1 : to;
    }

    private static int idAtEnd(String taskDir) {
        return Integer.parseInt(taskDir.substring(taskDir.lastIndexOf('/') + 1));
    }
}
