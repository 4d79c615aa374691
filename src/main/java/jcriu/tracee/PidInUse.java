package jcriu.tracee;

import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import jcriu.errors.Errno;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.Native;

/**
 * Who has a pid that a restore needs. A number is free when no task has it, and neither process
 * group nor session is called by it: a zombie keeps it until its parent has waited, and a group
 * until its last member is gone.
 */
public final class PidInUse {
    private static final long PAUSE_NANOS = 1_000_000;

    private PidInUse() {}

    /**
     * Waits for those that are about to end, as tasks that were just dumped may be.
     *
     * @throws JcriuException RESTORE_REFUSED if the pid is in use after this time, or by somebody
     *     who does not end
     */
    public static void awaitFree(int pid, long limitNanos) {
        long deadline = System.nanoTime() + limitNanos;
        while (exists(pid) || exists(-pid)) {
            Stat holder = holder(pid);
            boolean stays = holder != null && !holder.isEnding();
            if (stays || System.nanoTime() - deadline > 0) {
                throw refusal(pid, holder);
            }
            Interruption.check();
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    /**
     * A number that is free now.
     *
     * @param but not one of these
     */
    public static int free(Set<Integer> but) {
        int pid = 2;
        while (but.contains(pid) || exists(pid) || exists(-pid)) {
            pid++;
        }
        return pid;
    }

    /** The refusal that a restore gives when the kernel has said EEXIST. */
    public static JcriuException refusal(int pid) {
        return refusal(pid, holder(pid));
    }

    private static JcriuException refusal(int pid, Stat holder) {
        return new JcriuException(
                        Kind.RESTORE_REFUSED,
                        "cannot restore pid " + pid + ": this pid is in use" + by(pid, holder))
                .withHint(
                        remedy(pid, holder)
                                + ", or restore in a new pid namespace:"
                                + " unshare --pid --fork --mount-proc jcriu restore ...");
    }

    private static String by(int pid, Stat holder) {
        if (holder == null) {
            return "";
        }
        if (holder.pid() == pid) {
            int tgid = processOf(pid);
            return tgid != pid
                    ? " by thread " + pid + " of process " + tgid
                    : " by " + name(holder) + (holder.isZombie() ? ", a zombie" : "");
        }
        String what = holder.pgrp() == pid ? "process group" : "session";
        return " as the " + what + " of " + name(holder);
    }

    private static String remedy(int pid, Stat holder) {
        if (holder == null) {
            return "try again";
        }
        if (holder.isZombie()) {
            return "let its parent, process " + holder.ppid() + ", wait for it, or end that";
        }
        return "end process " + (holder.pid() == pid ? processOf(pid) : holder.pid());
    }

    private static String name(Stat holder) {
        return "process " + holder.pid() + " (" + holder.comm() + ")";
    }

    /** A task of this number, or else a member of its group or session; null if none is seen. */
    private static Stat holder(int pid) {
        Stat own = stat(pid);
        if (own != null) {
            return own;
        }
        for (int other : ProcFs.processes()) {
            Stat stat = stat(other);
            if (stat != null && (stat.pgrp() == pid || stat.session() == pid)) {
                return stat;
            }
        }
        return null;
    }

    private static Stat stat(int pid) {
        try {
            return Stat.read(pid);
        } catch (TaskGoneException e) {
            return null;
        }
    }

    private static int processOf(int tid) {
        try {
            return Status.read(tid).tgid();
        } catch (TaskGoneException e) {
            return tid;
        }
    }

    /** Of a task, or where it is negative of a process group, kill(2). */
    private static boolean exists(int pid) {
        return Native.call(Syscall.KILL, pid, 0) != -Errno.ESRCH.number();
    }
}
