package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.errors.TaskGoneException;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.pidfd_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.FdLink;
import jcriu.proc.Fdinfo;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.tracee.Seed;
import jcriu.tracee.Tracee;

/**
 * pidfd_open(2): a process or thread of the tree, or one that has ended and was waited for.
 *
 * <p>The second is made of a process of ours that ends at once: a descriptor of it says what any of
 * a dead process says. Descriptors of one dead process are of one again.
 */
final class Pidfd {
    private static final int DEAD = -1;

    private Pidfd() {}

    /** {@code pidfd:[INO]}, before Linux 6.9 {@code anon_inode:[pidfd]}. */
    static boolean is(FdLink link) {
        return link.name().equals("pidfd")
                && (link.kind() == FdLink.Kind.NAMESPACE || link.kind() == FdLink.Kind.ANON_INODE);
    }

    private static Fdinfo.Pidfd info(OpenFile file) {
        return file.info().pidfd().orElseThrow();
    }

    private static UnsupportedStateException outside(OpenFile file, int pid) {
        String of = pid == 0 ? "a process of another pid namespace" : process(pid);
        return (UnsupportedStateException)
                new UnsupportedStateException(
                                file.subject() + " is a pidfd of " + of + ", outside the tree")
                        .withHint("close it before the dump; see docs/limits.md#pidfds");
    }

    private static String process(int pid) {
        return "process " + pid + " (" + Names.comm(pid) + ")";
    }

    // ------------------------------------------------------------------ dump

    /** The pidfds of a dump, or of the check before it, until the tree is known. */
    static final class Targets {
        private final List<OpenFile> files = new ArrayList<>();

        void add(OpenFile file) {
            files.add(file);
        }

        /** Refuses a pidfd of a process outside a running tree. */
        void check(int root) {
            for (OpenFile file : files) {
                int pid = info(file).pid();
                try {
                    if (pid != DEAD && (pid == 0 || !descends(processOf(pid), root))) {
                        throw outside(file, pid);
                    }
                } catch (TaskGoneException e) {
                    continue; // it has ended meanwhile
                }
            }
        }

        /** With PIDFD_THREAD it may be any thread. */
        private static int processOf(int tid) {
            return Status.read(tid).tgid();
        }

        private static boolean descends(int pid, int root) {
            int at = pid;
            while (at != root && at > 1) {
                at = Stat.read(at).ppid();
            }
            return at == root;
        }

        /** Refuses a pidfd of what is not a process of the frozen tree. */
        void resolve(Set<Integer> pids) {
            for (OpenFile file : files) {
                int pid = info(file).pid();
                if (pid != DEAD && (pid == 0 || !pids.contains(processOf(pid)))) {
                    throw outside(file, pid);
                }
            }
        }
    }

    static file_entry dump(int id, OpenFile file) {
        return file_entry
                .newBuilder()
                .setType(fd_types.PIDFD)
                .setId(id)
                .setPidfd(
                        pidfd_entry
                                .newBuilder()
                                .setId(id)
                                .setIno((int) file.stat().ino())
                                .setFlags(file.flags())
                                .setNspid(info(file).pid())
                                .setFown(file.fown()))
                .build();
    }

    // ------------------------------------------------------------------ restore

    /** Descriptors of processes that have ended, by file id, made when the first is asked for. */
    static final class Restored {
        private final Map<Integer, Fd> dead = new HashMap<>();

        /**
         * Makes a pidfd; all processes and threads of the tree are there by now.
         *
         * @param all the files of the images, among them the other descriptors of a dead process
         */
        Fd restore(pidfd_entry entry, Collection<file_entry> all) {
            if (entry.getNspid() != DEAD) {
                return open(entry.getNspid(), entry);
            }
            if (!dead.containsKey(entry.getId())) {
                Tracee process = Seed.spawn(0, false);
                try {
                    for (file_entry other : all) {
                        if (other.hasPidfd()
                                && other.getPidfd().getNspid() == DEAD
                                && other.getPidfd().getIno() == entry.getIno()) {
                            dead.put(
                                    other.getPidfd().getId(),
                                    open(process.pid(), other.getPidfd()));
                        }
                    }
                } finally {
                    Seed.kill(process.pid(), List.of(process));
                }
            }
            return dead.remove(entry.getId());
        }

        private static Fd open(int pid, pidfd_entry entry) {
            int flags = entry.getFlags() & (O_NONBLOCK | PIDFD_THREAD);
            return new Fd(
                    Native.check(
                            Native.call(Syscall.PIDFD_OPEN, pid, flags),
                            "pidfd_open of process " + pid),
                    "pidfd of " + pid);
        }
    }
}
