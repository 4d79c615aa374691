package jcriu.proc;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import jcriu.errors.TaskGoneException;

/** Whole files, directories and links of {@code /proc}. */
public final class ProcFs {
    private static final boolean PATHS_ARE_UTF_8 =
            StandardCharsets.UTF_8.name().equals(nameOfPathEncoding());

    private ProcFs() {}

    /**
     * The whole content of a {@code /proc} file, whose size the kernel gives as 0.
     *
     * @throws TaskGoneException if the task that the path names is gone
     * @throws jcriu.errors.EnvironmentException if we may not read it
     * @throws jcriu.errors.SyscallException ENOENT if the task is there and the file is not
     */
    public static byte[] read(String path) {
        ProcBuffer buffer = ProcBuffer.read(path);
        return Arrays.copyOf(buffer.bytes(), buffer.lengthBytes());
    }

    /** The threads of a process: the leader first, then by number. */
    public static int[] tasks(int pid) {
        int[] tids = numbersIn("/proc/" + pid + "/task");
        int leader = Arrays.binarySearch(tids, pid);
        // After the pid counter wraps, a thread's number can be below its leader's.
        if (leader > 0) {
            System.arraycopy(tids, 0, tids, 1, leader);
            tids[0] = pid;
        }
        return tids;
    }

    /**
     * The children of all threads of a process, by number; zombies are among them.
     *
     * <p>Complete only while the process and its children are stopped. A kernel without {@code
     * CONFIG_PROC_CHILDREN} has no children file; there, every process of {@code /proc} is asked
     * for its parent.
     *
     * <p>Source: proc_pid_task(5), proc_tid_children(5).
     */
    public static int[] children(int pid) {
        return ChildrenFile.EXISTS ? childrenFromFile(pid) : childrenFromScan(pid);
    }

    /** The open file descriptors of a process, ascending. */
    public static int[] fds(int pid) {
        return numbersIn("/proc/" + pid + "/fd");
    }

    /** The target of a symbolic link as the kernel prints it. */
    public static String readlink(String path) {
        try {
            Path target = Files.readSymbolicLink(Path.of(path));
            String text = target.toString();
            // In a C locale the JDK decodes names as ASCII; the URI form still has each byte.
            if (!PATHS_ARE_UTF_8 && text.startsWith("/")) {
                return decodeUri(target.toUri(), text.endsWith("/"));
            }
            return text;
        } catch (IOException e) {
            throw ProcFailure.of(path, e);
        }
    }

    static int[] childrenFromFile(int pid) {
        int[] children = new int[0];
        for (int tid : tasks(pid)) {
            ProcBuffer buffer;
            try {
                buffer = ProcBuffer.read("/proc/" + pid + "/task/" + tid + "/children");
            } catch (TaskGoneException e) {
                if (tid == pid) {
                    throw e;
                }
                continue; // a thread that ended hands its children to another one
            }
            int[] more =
                    new ByteScanner("children", buffer.bytes(), buffer.lengthBytes()).decimalInts();
            int old = children.length;
            children = Arrays.copyOf(children, old + more.length);
            System.arraycopy(more, 0, children, old, more.length);
        }
        Arrays.sort(children);
        return children;
    }

    static int[] childrenFromScan(int pid) {
        int[] all = numbersIn("/proc");
        if (Arrays.binarySearch(all, pid) < 0) {
            throw new TaskGoneException(pid, "reading its children");
        }
        int count = 0;
        for (int candidate : all) {
            try {
                if (Stat.read(candidate).ppid() == pid) {
                    all[count++] = candidate;
                }
            } catch (TaskGoneException e) {
                continue; // someone's short-lived process
            }
        }
        return Arrays.copyOf(all, count);
    }

    /** The entries of a directory that are numbers, ascending. */
    private static int[] numbersIn(String directory) {
        String[] names = new File(directory).list();
        if (names == null) {
            throw ProcFailure.of(directory, reasonNotListed(directory));
        }
        int[] numbers = new int[names.length];
        int count = 0;
        for (String name : names) {
            int number = number(name);
            if (number >= 0) {
                numbers[count++] = number;
            }
        }
        numbers = Arrays.copyOf(numbers, count);
        Arrays.sort(numbers);
        return numbers;
    }

    private static IOException reasonNotListed(String directory) {
        try {
            Files.newDirectoryStream(Path.of(directory)).close();
            return new NoSuchFileException(directory);
        } catch (IOException e) {
            return e;
        }
    }

    /** The number that this name is, or -1. */
    private static int number(String name) {
        int value = 0;
        for (int i = 0; i < name.length(); i++) {
            int digit = name.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            value = value * 10 + digit;
        }
        return value;
    }

    static String decodeUri(URI uri, boolean keepSlash) {
        String escaped = uri.getRawPath();
        int end = escaped.length();
        // toUri() adds a slash to the name of a directory.
        if (!keepSlash && end > 1 && escaped.charAt(end - 1) == '/') {
            end--;
        }
        byte[] raw = new byte[end];
        int length = 0;
        for (int i = 0; i < end; i++) {
            char c = escaped.charAt(i);
            if (c == '%') {
                raw[length++] =
                        (byte)
                                (Character.digit(escaped.charAt(i + 1), 16) << 4
                                        | Character.digit(escaped.charAt(i + 2), 16));
                i += 2;
            } else {
                raw[length++] = (byte) c;
            }
        }
        return new String(raw, 0, length, StandardCharsets.UTF_8);
    }

    private static String nameOfPathEncoding() {
        String name = System.getProperty("sun.jnu.encoding", "");
        try {
            return Charset.forName(name).name();
        } catch (IllegalArgumentException e) {
            return name;
        }
    }

    private static final class ChildrenFile {
        static final boolean EXISTS = new File("/proc/thread-self/children").exists();
    }
}
