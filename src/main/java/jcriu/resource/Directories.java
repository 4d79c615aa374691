package jcriu.resource;

import jcriu.image.proto.fs_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Status;
import jcriu.tracee.RemoteBatch;

/**
 * Working directory, root directory and umask: what clone(2) with CLONE_FS lets tasks share, and
 * what a thread can have of its own, unshare(2).
 */
public final class Directories {
    private Directories() {}

    /**
     * Makes the fs image of a thread.
     *
     * @param subject for messages: the process
     */
    static fs_entry dump(int pid, Status thread, String subject, FileTable files) {
        String proc = "/proc/" + pid + "/task/" + thread.pid() + "/";
        return fs_entry.newBuilder()
                .setCwdId(files.reference(proc + "cwd", subject + ": its working directory", 0))
                .setRootId(files.reference(proc + "root", subject + ": its root directory", 0))
                .setUmask(thread.umask())
                .build();
    }

    /**
     * Adds the calls of a thread that gets its directories; it still has the root directory of
     * jcriu.
     */
    public static void restore(fs_entry fs, RestoredFiles files, RemoteBatch calls) {
        long cwd = calls.cString(files.open(fs.getCwdId()).procPath());
        calls.add("change the working directory", Syscall.CHDIR, cwd);
        if (!files.name(fs.getRootId()).equals("/")) {
            String root = files.open(fs.getRootId()).procPath();
            calls.add("change the root directory", Syscall.CHROOT, calls.cString(root));
        }
        if (fs.hasUmask()) {
            calls.add("", Syscall.UMASK, fs.getUmask());
        }
    }
}
