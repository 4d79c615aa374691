package jcriu.resource;

import static jcriu.kernel.FileConstants.S_IFDIR;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcriu.errors.Errno;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.reg_file_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Fdinfo;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.tracee.Seed;
import jcriu.tracee.Tracee;

/**
 * Files and directories of {@code /proc/PID} whose task has ended: what reads them gets ESRCH,
 * ENOENT or nothing, and that is how they stay. They are opened of a process of ours that has the
 * same pid, where that is free, and that ends before the tree runs.
 *
 * <p>Source: proc_pid(5).
 */
final class ProcFile {
    /** A task's directory, or what stands in it; threads and descriptors have numbers. */
    private static final Pattern PATH = Pattern.compile("/proc/([0-9]{1,9})((/[^/0-9][^/]*)*)");

    /** What is there only when all descriptors and mappings of a task are. */
    private static final Pattern LATE = Pattern.compile("/proc/[0-9]+/(fdinfo|map_files)/.*");

    private static final Pattern THREAD = Pattern.compile("/proc/[0-9]+/task/[0-9].*");

    private ProcFile() {}

    /** Refuses files that are not there yet when a task opens its own, or never again. */
    static void check(Object subject, String name, FileStat stat) {
        if (!name.startsWith("/proc/") || stat.dev() != ProcDevice.NUMBER) {
            return;
        }
        boolean thread = THREAD.matcher(name).matches();
        FileStat now = thread ? FileStat.tryOf(name) : null;
        if (thread ? now == null || !now.sameFile(stat) : LATE.matcher(name).matches()) {
            throw (UnsupportedStateException)
                    new UnsupportedStateException(
                                    subject
                                            + " is "
                                            + name
                                            + ", of a "
                                            + (thread
                                                    ? "thread that has ended"
                                                    : "single descriptor or mapping")
                                            + ", which is not supported")
                            .withHint("close it before the dump; see docs/limits.md#files-of-proc");
        }
    }

    /** The pid of the task that has ended, where this is a file of one; otherwise 0. */
    static int pid(String name, FileStat stat) {
        if (!name.startsWith("/proc/")) {
            return 0;
        }
        Matcher path = PATH.matcher(name);
        if (!path.matches() || stat.dev() != ProcDevice.NUMBER) {
            return 0;
        }
        // its inode is kept by who has it open: another one is of a task that got the pid later
        FileStat now = FileStat.tryOf(name);
        return now != null && now.sameFile(stat) ? 0 : Integer.parseInt(path.group(1));
    }

    /**
     * What is known of {@code /proc/PID/fd} of a task that has ended: since Linux 6.2 its size is
     * the number of descriptors, and there is no stat without.
     *
     * @return null if this is none
     */
    static FileStat descriptors(String name, Fdinfo info) {
        Matcher path = PATH.matcher(name);
        if (!path.matches() || !path.group(2).equals("/fd")) {
            return null;
        }
        return new FileStat(
                info.ino(), S_IFDIR | 0500, 2, 0, 0, 0, 0, ProcDevice.NUMBER, 0, 0, 0, 0, 0, 0, 0);
    }

    private static final class ProcDevice {
        static final long NUMBER = FileStat.of("/proc").dev();
    }

    /** Those files of a restore. The tasks end when all is opened, and entered. */
    static final class Restored implements AutoCloseable {
        private final Map<Integer, Integer> pids = new HashMap<>();
        private final Map<Integer, Tracee> tasks = new HashMap<>();

        /** Says that a file entry is of a task that has ended. */
        void remap(int fileId, int pid) {
            pids.put(fileId, pid);
        }

        /** Opens a file, at its position; null if it is none of them. The tree is there by now. */
        Fd open(reg_file_entry reg) {
            Integer pid = pids.get(reg.getId());
            if (pid == null) {
                return null;
            }
            Matcher path = PATH.matcher(reg.getName());
            if (!path.matches() || Integer.parseInt(path.group(1)) != pid) {
                throw new ImageFormatException(
                        "remap-fpath.img",
                        -1,
                        "file "
                                + Integer.toUnsignedString(reg.getId())
                                + " is none of task "
                                + pid);
            }
            int there = tasks.computeIfAbsent(pid, Restored::spawn).pid();
            int flags = RegFile.openFlags(reg.getFlags());
            long r = Fd.tryOpen("/proc/" + there + path.group(2), flags, 0);
            if (Native.failed(r)) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                reg.getName()
                                        + ", of a task that has ended, cannot be opened: "
                                        + Errno.ofResult(r).describe())
                        .withHint("see docs/limits.md#files-of-proc");
            }
            Fd fd = new Fd(r, reg.getName());
            RegFile.seek(fd, reg.getPos(), flags, FileStat.of(fd.procPath()));
            return fd;
        }

        private static Tracee spawn(int pid) {
            boolean free = Native.call(Syscall.KILL, pid, 0) == -Errno.ESRCH.number();
            return Seed.spawn(free ? pid : 0, false);
        }

        /** Ends the tasks. */
        @Override
        public void close() {
            tasks.values().forEach(task -> Seed.kill(task.pid(), List.of(task)));
            tasks.clear();
        }
    }
}
