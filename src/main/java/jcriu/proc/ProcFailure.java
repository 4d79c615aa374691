package jcriu.proc;

import java.io.File;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import jcriu.errors.EnvironmentException;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;

/**
 * Why a {@code /proc} file could not be read.
 *
 * <p>java.io reports the errno only inside its message, in the user's language. So the question is
 * asked again where the answer has a type: does the task's directory still exist, and what does
 * java.nio throw on the same file? The message comes last.
 */
final class ProcFailure {
    private ProcFailure() {}

    static JcriuException of(String path, IOException failure) {
        String during = "reading " + path;
        String taskDir = taskDirectory(path);
        if (taskDir != null && !new File(taskDir).exists()) {
            return gone(taskDir, during);
        }
        IOException typed = openAgain(path, failure);
        if (typed instanceof NoSuchFileException) {
            return new SyscallException("open " + path, Errno.ENOENT);
        }
        if (typed instanceof AccessDeniedException
                || says(failure, "Permission denied")
                || says(failure, "Operation not permitted")) {
            return new EnvironmentException("may not read " + path)
                    .withHint("run as root or with CAP_SYS_PTRACE");
        }
        // ESRCH while the directory is there: a zombie or a kernel thread, which have no memory.
        if (taskDir != null && (says(failure, "No such process") || isDead(taskDir))) {
            return gone(taskDir, during);
        }
        return new JcriuException(Kind.IO, during + ": " + failure.getMessage(), failure);
    }

    private static JcriuException gone(String taskDir, String during) {
        return new TaskGoneException(idAtEnd(taskDir), during);
    }

    private static IOException openAgain(String path, IOException first) {
        if (first instanceof NoSuchFileException || first instanceof AccessDeniedException) {
            return first;
        }
        try {
            Files.newByteChannel(Path.of(path)).close();
            return first;
        } catch (IOException second) {
            return second;
        }
    }

    private static boolean says(IOException failure, String text) {
        return failure.getMessage() != null && failure.getMessage().contains(text);
    }

    private static boolean isDead(String taskDir) {
        try {
            byte[] text = Files.readAllBytes(Path.of(taskDir, "stat"));
            char state = Stat.parse(text, text.length).state();
            return state == 'Z' || state == 'X';
        } catch (IOException e) {
            return true;
        }
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
