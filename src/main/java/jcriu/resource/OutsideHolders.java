package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import jcriu.errors.EnvironmentException;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.errors.UnsupportedStateException;
import jcriu.kernel.Syscall;
import jcriu.proc.FdLink;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * Finds processes outside the tree that hold a pipe of which the tree holds both ends: after a
 * restore each side would be alone with its own. Of a FIFO the same holds if it is deleted; one
 * that has its name is found again by it, but what is in it would be there twice.
 *
 * <p>A pipe of which the tree holds one end shows by poll(2) that somebody holds the other ({@link
 * Pipe.Contents#see}). Here the descriptors of all processes are looked at, as far as we may:
 * another user's need CAP_SYS_PTRACE. One that is in a message on a socket is not found.
 */
final class OutsideHolders {
    private static final int READ_END = 1;
    private static final int WRITE_END = 2;
    private static final int BOTH_ENDS = 3;

    private record Held(OpenFile file, int ends) {}

    /** By what the link of a descriptor says. */
    private final Map<String, Held> held = new HashMap<>();

    private Set<Integer> tree = Set.of();

    /** Notes a pipe or FIFO of the tree. */
    void add(OpenFile file) {
        int mode = file.flags() & O_ACCMODE;
        int ends = mode == O_RDONLY ? READ_END : mode == O_WRONLY ? WRITE_END : BOTH_ENDS;
        held.merge(
                ProcFs.readlink(file.path()),
                new Held(file, ends),
                (a, b) -> new Held(a.file, a.ends | b.ends));
    }

    /**
     * Refuses what a process outside the tree holds, too.
     *
     * @param tree pids of all tasks; what they have forked since is theirs, too
     */
    void check(Set<Integer> tree) {
        this.tree = tree;
        held.values().removeIf(OutsideHolders::mayBeShared);
        if (held.isEmpty()) {
            return;
        }
        int self = (int) ProcessHandle.current().pid();
        for (int pid : ProcFs.processes()) {
            if (pid != self && !tree.contains(pid)) {
                checkProcess(pid);
            }
        }
    }

    /** Whether it is restored right whoever holds it, too. */
    private static boolean mayBeShared(Held held) {
        if (held.file.link().kind() == FdLink.Kind.PIPE) {
            return held.ends != BOTH_ENDS;
        }
        return !held.file.link().deleted() && bytesIn(held.file) == 0;
    }

    private static int bytesIn(OpenFile file) {
        try (Fd ours = Fd.take(file.pid(), file.fd());
                NativeMemory words = NativeMemory.allocate(8)) {
            long r = Native.call(Syscall.IOCTL, ours.number(), FIONREAD, words.address());
            Native.check(r, "fill of " + file.path());
            return words.getInt(0);
        }
    }

    private void checkProcess(int pid) {
        int[] fds;
        try {
            fds = ProcFs.fds(pid);
        } catch (TaskGoneException | EnvironmentException | SyscallException e) {
            return; // it has ended, or is none of our business
        }
        for (int fd : fds) {
            try {
                checkDescriptor(pid, "/proc/" + pid + "/fd/" + fd);
            } catch (TaskGoneException | EnvironmentException | SyscallException e) {
                // closed while we looked; the others count
            }
        }
    }

    /** Whether it was forked by the tree after that was looked at, or has ended. */
    private boolean descends(int pid) {
        try {
            int ancestor = pid;
            while (ancestor > 0 && !tree.contains(ancestor)) {
                ancestor = Stat.read(ancestor).ppid();
            }
            return ancestor > 0;
        } catch (TaskGoneException e) {
            return true; // it, or its parent: then the freeze will see what there is
        }
    }

    private void checkDescriptor(int pid, String path) {
        Held ours = held.get(ProcFs.readlink(path));
        if (ours == null) {
            return;
        }
        FileStat stat = FileStat.tryOf(path);
        if (stat == null || !stat.sameFile(ours.file.stat())) {
            return;
        }
        if (descends(pid)) {
            return;
        }
        String inode = "pipe:[" + ours.file.stat().ino() + "]";
        boolean pipe = ours.file.link().kind() == FdLink.Kind.PIPE;
        JcriuException refusal =
                new UnsupportedStateException(
                        ours.file.subject()
                                + " is "
                                + (pipe ? inode : "the FIFO " + ours.file.link().name())
                                + ", which process "
                                + pid
                                + " ("
                                + Names.comm(pid)
                                + ") outside the tree holds, too");
        throw refusal.withHint(
                pipe
                        ? "dump with --external "
                                + inode
                                + " and restore with --inherit-fd fd[N]:"
                                + inode
                                + "; or see docs/limits.md#pipes-to-the-outside"
                        : "have it read or closed first; see docs/limits.md#pipes-to-the-outside");
    }
}
