package jcriu.proc;

import static jcriu.kernel.FileConstants.AT_FDCWD;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Syscall;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** Whole files, directories and links of {@code /proc}. */
public final class ProcFs {
    private static final int PATH_MAX = 4096;

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

    /** All processes there are, by number. */
    public static int[] all() {
        return numbersIn("/proc");
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

    /** All processes that we can see, ascending. */
    public static int[] processes() {
        return numbersIn("/proc");
    }

    /** The open file descriptors of a process, ascending. */
    public static int[] fds(int pid) {
        return numbersIn("/proc/" + pid + "/fd");
    }

    /** The target of a symbolic link as the kernel prints it. */
    public static String readlink(String path) {
        try (NativeMemory name = NativeMemory.cString(path);
                NativeMemory target = NativeMemory.allocate(PATH_MAX)) {
            long length =
                    Native.call(
                            Syscall.READLINKAT,
                            AT_FDCWD,
                            name.address(),
                            target.address(),
                            PATH_MAX);
            if (Native.failed(length)) {
                throw ProcFailure.of(path, length);
            }
            return new String(target.get(0, (int) length), StandardCharsets.UTF_8);
        }
    }

    /** The same, or null if there is no such link. */
    public static String tryReadlink(String path) {
        try {
            return readlink(path);
        } catch (SyscallException e) {
            if (e.errno() != Errno.ENOENT) {
                throw e;
            }
            return null;
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
        int[] all = all();
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

    /**
     * The entries of a directory that are numbers, ascending.
     *
     * <p>{@code struct linux_dirent64 {u64 ino; s64 off; u16 reclen; u8 type; char name[]}},
     * getdents64(2).
     */
    private static int[] numbersIn(String directory) {
        ProcBuffer entries = ProcBuffer.readDirectory(directory);
        byte[] bytes = entries.bytes();
        int[] numbers = new int[64];
        int count = 0;
        for (int at = 0; at < entries.lengthBytes(); ) {
            int length = (bytes[at + 16] & 0xff) | (bytes[at + 17] & 0xff) << 8;
            int number = number(bytes, at + 19);
            if (number >= 0) {
                if (count == numbers.length) {
                    numbers = Arrays.copyOf(numbers, count * 2);
                }
                numbers[count++] = number;
            }
            at += length;
        }
        numbers = Arrays.copyOf(numbers, count);
        Arrays.sort(numbers);
        return numbers;
    }

    /** The number that this NUL-terminated name is, or -1. */
    private static int number(byte[] bytes, int at) {
        int value = 0;
        for (int i = at; bytes[i] != 0; i++) {
            int digit = bytes[i] - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            value = value * 10 + digit;
        }
        return value;
    }

    private static final class ChildrenFile {
        static final boolean EXISTS = FileStat.tryOf("/proc/thread-self/children") != null;
    }
}
