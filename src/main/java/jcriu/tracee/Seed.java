package jcriu.tracee;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.ProcessConstants.*;
import static jcriu.kernel.PtraceConstants.*;

import java.util.List;
import java.util.concurrent.locks.LockSupport;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Assembler;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.sys.Spawn;

/**
 * An empty process of ours: a static ELF of a few hundred bytes that sleeps, written into a memfd
 * and spawned. It dies with us until it is told otherwise.
 */
public final class Seed {
    private static final long KILL_NANOS = 10_000_000_000L;

    private Seed() {}

    /**
     * Spawns a seed and seizes it.
     *
     * @param pid the pid it must get, clone3(2) {@code set_tid}; 0 for any
     * @param sibling whether it becomes a child of our parent instead of ours
     * @throws JcriuException RESTORE_REFUSED if the pid is taken
     */
    public static Tracee spawn(int pid, boolean sibling) {
        int tid;
        try (Fd memfd = memfd()) {
            tid = Spawn.spawn(memfd, pid, sibling);
        }
        if (tid == -Errno.EEXIST.number()) {
            throw PidInUse.refusal(pid);
        }
        Native.check(tid, "clone3 of the first process" + (pid != 0 ? " with pid " + pid : ""));
        Tracee seed = new Tracee(tid, tid);
        int options =
                PTRACE_O_TRACESYSGOOD
                        | PTRACE_O_EXITKILL
                        | PTRACE_O_TRACECLONE
                        | PTRACE_O_TRACEFORK
                        | PTRACE_O_TRACEVFORK;
        Ptrace.require(PTRACE_SEIZE, tid, 0, options, "SEIZE");
        Ptrace.require(PTRACE_INTERRUPT, tid, 0, 0, "INTERRUPT");
        int status = Ptrace.await(tid, 0);
        if (!WaitStatus.eventStop(status)) {
            throw new JcriuException(
                    Kind.INTERNAL,
                    "seed " + tid + " did not stop: status 0x" + Integer.toHexString(status));
        }
        seed.stopped(status);
        return seed;
    }

    private static Fd memfd() {
        try (NativeMemory name = NativeMemory.cString("jcriu-seed")) {
            Fd memfd =
                    new Fd(
                            Native.check(
                                    Native.call(Syscall.MEMFD_CREATE, name.address(), MFD_CLOEXEC),
                                    "memfd_create"),
                            "jcriu-seed");
            byte[] elf = Assembler.seed(Native.ARCH);
            try (NativeMemory content = NativeMemory.allocate(elf.length)) {
                content.put(0, elf);
                Native.check(
                        Native.call(Syscall.WRITE, memfd.number(), content.address(), elf.length),
                        "write the seed");
            }
            return memfd;
        }
    }

    /** Kills a process that we made, and waits until it is gone. */
    public static void kill(int pid, List<Tracee> threads) {
        Native.call(Syscall.KILL, pid, SIGKILL);
        for (Tracee thread : threads) {
            thread.forget();
        }
        long deadline = System.nanoTime() + KILL_NANOS;
        try {
            int status;
            do {
                status = Ptrace.await(pid, WNOHANG);
                if (status == -1) {
                    reapThreads(pid);
                    LockSupport.parkNanos(100_000);
                }
            } while ((status == -1 || !WaitStatus.gone(status)) && System.nanoTime() < deadline);
        } catch (JcriuException e) {
            // somebody else's child: its parent, or the reaper, waits for it
        }
    }

    /** The end of a process is told only after that of each of its threads that we trace. */
    private static void reapThreads(int pid) {
        for (int tid : ProcFs.tasks(pid)) {
            if (tid != pid) {
                try {
                    Ptrace.await(tid, WNOHANG);
                } catch (TaskGoneException e) {
                    continue; // not ours, or reaped
                }
            }
        }
    }
}
