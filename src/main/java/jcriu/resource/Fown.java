package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.TaskGoneException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.fown_entry;
import jcriu.image.proto.reg_file_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteBatch;

/**
 * Whom an open file tells by a signal that it is ready, or that its lease is to be given up: a
 * thread, a process or a process group, and the user who said so, whose permission counts.
 *
 * <p>The signal comes once the owner is set and O_ASYNC is on. O_ASYNC is set by the task, for the
 * signal tells the number of the descriptor by which it was; the owner by us, last of all.
 *
 * <p>Source: fcntl(2), F_SETOWN_EX, F_SETSIG and, for the user, F_GETOWNER_UIDS of linux/fcntl.h.
 */
final class Fown {
    private static final fown_entry NONE =
            fown_entry
                    .newBuilder()
                    .setUid(0)
                    .setEuid(0)
                    .setSignum(0)
                    .setPidType(0)
                    .setPid(0)
                    .build();

    private Fown() {}

    /** No owner, and no signal. */
    static fown_entry none() {
        return NONE;
    }

    // ------------------------------------------------------------------ dump

    static fown_entry of(OpenFile file) {
        if ((file.flags() & O_PATH) != 0) {
            return NONE; // knows nothing but its path
        }
        try (Fd fd = Fd.take(file.pid(), file.fd());
                NativeMemory words = NativeMemory.allocate(16)) {
            // struct f_owner_ex {s32 type, pid}; u32 uid, euid
            fcntl(file, fd, F_GETOWN_EX, words.address());
            int pid = words.getInt(4);
            int signal = (int) fcntl(file, fd, F_GETSIG, 0);
            if (pid == 0 && signal == 0) {
                return NONE; // what is left of an owner that has ended has no effect
            }
            fcntl(file, fd, F_GETOWNER_UIDS, words.address() + 8);
            return fown_entry
                    .newBuilder()
                    .setUid(words.getInt(8))
                    .setEuid(words.getInt(12))
                    .setSignum(signal)
                    .setPidType(words.getInt(0))
                    .setPid(pid)
                    .build();
        }
    }

    private static long fcntl(OpenFile file, Fd fd, int command, long argument) {
        return Native.check(
                Native.call(Syscall.FCNTL, fd.number(), command, argument),
                "who gets the signals of " + file.path());
    }

    /** The owners of a dump, or of the check before it, until the tree is known. */
    static final class Owners {
        private final Map<String, fown_entry> bySubject = new LinkedHashMap<>();

        synchronized void add(OpenFile file, fown_entry owner) {
            if (owner.getPid() != 0) {
                bySubject.put(file.subject(), owner);
            }
        }

        /** Refuses an owner outside the tree: its number may be another's at the restore. */
        void check(Set<Integer> pids) {
            bySubject.forEach(
                    (subject, owner) -> {
                        if (!isIn(owner, pids)) {
                            throw (UnsupportedStateException)
                                    new UnsupportedStateException(
                                                    subject
                                                            + " sends its signals (F_SETOWN) to "
                                                            + (owner.getPidType() == F_OWNER_PGRP
                                                                    ? "process group "
                                                                    : "process ")
                                                            + owner.getPid()
                                                            + ", outside the tree")
                                            .withHint(
                                                    "unset the owner before the dump; see"
                                                            + " docs/limits.md#signal-driven-io");
                        }
                    });
        }

        private static boolean isIn(fown_entry owner, Set<Integer> pids) {
            if (owner.getPidType() != F_OWNER_PGRP) {
                try {
                    return pids.contains(Status.read(owner.getPid()).tgid());
                } catch (TaskGoneException e) {
                    return true; // it has ended meanwhile
                }
            }
            for (int pid : pids) {
                try {
                    if (Stat.read(pid).pgrp() == owner.getPid()) {
                        return true;
                    }
                } catch (TaskGoneException e) {
                    continue;
                }
            }
            return false;
        }
    }

    // ------------------------------------------------------------------ restore

    /**
     * The owner in a file entry.
     *
     * @param reg the path of a FIFO, whose entry holds it
     */
    static fown_entry of(file_entry file, reg_file_entry reg) {
        return switch (file.getType()) {
            case REG -> file.getReg().getFown();
            case FIFO -> reg.getFown();
            case PIPE -> file.getPipe().getFown();
            case TTY -> file.getTty().getFown();
            case EVENTFD -> file.getEfd().getFown();
            case EVENTPOLL -> file.getEpfd().getFown();
            case SIGNALFD -> file.getSgfd().getFown();
            case TIMERFD -> file.getTfd().getFown();
            case INOTIFY -> file.getIfy().getFown();
            case FANOTIFY -> file.getFfy().getFown();
            case MEMFD -> file.getMemfd().getFown();
            case PIDFD -> file.getPidfd().getFown();
            default -> NONE;
        };
    }

    /** The status flags in a file entry, of those kinds that can send a signal. */
    static int flags(file_entry file, reg_file_entry reg) {
        return switch (file.getType()) {
            case REG -> file.getReg().getFlags();
            case FIFO -> reg.getFlags();
            case PIPE -> file.getPipe().getFlags();
            case TTY -> file.getTty().getFlags();
            case INOTIFY -> file.getIfy().getFlags();
            case FANOTIFY -> file.getFfy().getFlags();
            default -> 0;
        };
    }

    /** Adds the calls that switch the signals on; nobody gets them yet. */
    static void switchOn(int fd, int flags, RemoteBatch batch) {
        batch.add("set O_ASYNC of descriptor " + fd, Syscall.FCNTL, fd, F_SETFL, flags);
        // a terminal has taken its foreground group for the owner
        batch.add("", Syscall.FCNTL, fd, F_SETOWN, 0);
    }

    /** Nobody gets signals. */
    static void clear(Fd fd) {
        Native.check(
                Native.call(Syscall.FCNTL, fd.number(), F_SETOWN, 0), "clear the owner of " + fd);
    }

    /** Sets owner and signal, as the user who did it; all tasks and threads are there. */
    static void restore(fown_entry owner, Fd fd) {
        if (owner.getUid() == 0 && owner.getEuid() == 0) {
            set(owner, fd);
            return;
        }
        // the ids of a thread are its own where the system call is made directly, credentials(7)
        Throwable[] failure = new Throwable[1];
        Thread other =
                new Thread(
                        () -> {
                            try {
                                Native.check(
                                        Native.call(
                                                Syscall.SETRESUID,
                                                owner.getUid(),
                                                owner.getEuid(),
                                                -1),
                                        "become user " + owner.getUid());
                                set(owner, fd);
                            } catch (RuntimeException | Error e) {
                                failure[0] = e;
                            }
                        },
                        "owner");
        other.start();
        boolean interrupted = false;
        while (other.isAlive()) {
            try {
                other.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure[0] != null) {
            throw JcriuException.of(failure[0]);
        }
    }

    private static void set(fown_entry owner, Fd fd) {
        if (owner.getSignum() != 0) {
            Native.check(
                    Native.call(Syscall.FCNTL, fd.number(), F_SETSIG, owner.getSignum()),
                    "set the signal of " + fd);
        }
        if (owner.getPid() == 0) {
            return;
        }
        try (NativeMemory words = NativeMemory.allocate(8)) {
            words.putInt(0, owner.getPidType());
            words.putInt(4, owner.getPid());
            long r = Native.call(Syscall.FCNTL, fd.number(), F_SETOWN_EX, words.address());
            if (Native.failed(r)) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                fd.name()
                                        + " sent its signals to "
                                        + owner.getPid()
                                        + ", which cannot be set: "
                                        + Errno.ofResult(r).describe())
                        .withHint("see docs/limits.md#signal-driven-io");
            }
        }
    }
}
