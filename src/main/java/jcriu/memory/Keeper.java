package jcriu.memory;

import static jcriu.kernel.MmanConstants.*;
import static jcriu.kernel.ProcessConstants.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Assembler;
import jcriu.kernel.Syscall;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;
import jcriu.proc.Status;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.tracee.Registers;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.RemoteMemory;
import jcriu.tracee.Scratch;
import jcriu.tracee.Seed;
import jcriu.tracee.Tracee;
import jcriu.tracee.Vdso;

/**
 * A process of ours that holds userfaultfds from one dump to the next, and nothing else: marks last
 * as long as somebody holds the descriptor. It sleeps until the last of the tasks has ended.
 *
 * <p>It is made out of a seed. Until {@link #release} it dies with us. It has a session of its own,
 * the root directory, and no descriptor but these; its memory says which round they belong to:
 *
 * <pre>
 * BASE   code: Assembler.keeper
 * DATA   0 magic | 8 round, 16 bytes | 24 count | 32 entries | pollfds
 * entry  0 pid | 4 number of its userfaultfd | 8 start time, clock ticks since boot
 * </pre>
 *
 * A keeper is never changed but for its round, which is set to zero when its marks are taken over;
 * each round has a new one.
 */
final class Keeper implements AutoCloseable {
    static final String NAME = "jcriu-keeper";

    private static final int BASE = 0x200000;
    private static final int DATA = BASE + 4096;
    private static final long MAGIC = 0x72706b2d75697263L;
    private static final int ROUND = 8;
    private static final int COUNT = 24;
    private static final int ENTRIES = 32;
    private static final int ENTRY_SIZE = 16;
    private static final int POLLFD_SIZE = 8;
    private static final int POLLIN = 1;
    private static final int FIXED_CALLS = 16;

    /** No more than there can be processes: PID_MAX_LIMIT, proc_sys_kernel(5). */
    private static final int MAX_ENTRIES = 1 << 22;

    /** One task that is watched. */
    record Entry(int pid, long startTime, int uffd) {}

    private final int pid;
    private final long startTime;

    /** Null of one that is on its own. */
    private final Tracee tracee;

    private Keeper(int pid, long startTime, Tracee tracee) {
        this.pid = pid;
        this.startTime = startTime;
        this.tracee = tracee;
    }

    int pid() {
        return pid;
    }

    long startTime() {
        return startTime;
    }

    // ------------------------------------------------------------------ a new one

    /** Makes one that holds nothing yet. */
    static Keeper spawn() {
        Tracee seed = Seed.spawn(0, false);
        try {
            for (MapsVma vma : Maps.read(seed.pid())) {
                if (vma.name().equals("[vdso]")) {
                    seed.syscallAddress(vma.start() + Vdso.syscallOffset());
                }
            }
            Scratch scratch = Scratch.map(seed, 16 << 10);
            try (RemoteBatch batch = scratch.batch()) {
                batch.add("", Syscall.CLOSE_RANGE, 0, 0xffffffffL, 0);
                batch.add("", Syscall.CHDIR, batch.cString("/"));
                batch.add("", Syscall.SETSID);
                batch.add("", Syscall.PRCTL, PR_SET_NAME, batch.cString(NAME));
                batch.run(seed);
            }
            scratch.unmap(seed);
            return new Keeper(seed.pid(), Stat.read(seed.pid()).startTime(), seed);
        } catch (RuntimeException | Error e) {
            Seed.kill(seed.pid(), List.of(seed));
            throw e;
        }
    }

    /**
     * Gives it what it keeps; a task that has ended meanwhile is no matter.
     *
     * @param uffds of each entry, ours; the number in an entry means nothing yet
     * @param pidfds of each entry, ours
     */
    void fill(UUID round, List<Entry> entries, List<Fd> uffds, List<Fd> pidfds) {
        int n = entries.size();
        int size = ENTRIES + n * (ENTRY_SIZE + POLLFD_SIZE) + 4095 & -4096;
        int room = (2 * n + FIXED_CALLS) * (Assembler.BATCH_ENTRY_SIZE + 16) + 2 * 4096 & -4096;
        ByteBuffer data = ByteBuffer.allocate(size).order(ByteOrder.nativeOrder());
        Scratch scratch = Scratch.map(tracee, room + 4096);
        try (RemoteBatch batch = scratch.batch()) {
            int us = batch.add("reach jcriu", Syscall.PIDFD_OPEN, ProcessHandle.current().pid(), 0);
            batch.run(tracee);
            long jcriu = batch.result(us);
            batch.reset();
            int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
            batch.add("", Syscall.MMAP, BASE, 4096, PROT_READ | PROT_EXEC, flags, -1, 0);
            batch.add("", Syscall.MMAP, DATA, size, PROT_READ | PROT_WRITE, flags, -1, 0);
            int first = batch.size();
            for (int i = 0; i < n; i++) {
                batch.add("keep", Syscall.PIDFD_GETFD, jcriu, uffds.get(i).number(), 0);
                batch.add("keep", Syscall.PIDFD_GETFD, jcriu, pidfds.get(i).number(), 0);
            }
            batch.add("", Syscall.CLOSE, jcriu);
            batch.run(tracee);
            data.putLong(0, MAGIC)
                    .putLong(ROUND, round.getMostSignificantBits())
                    .putLong(ROUND + 8, round.getLeastSignificantBits())
                    .putInt(COUNT, n);
            int pollfds = ENTRIES + n * ENTRY_SIZE;
            for (int i = 0; i < n; i++) {
                Entry entry = entries.get(i);
                data.putInt(ENTRIES + i * ENTRY_SIZE, entry.pid())
                        .putInt(ENTRIES + i * ENTRY_SIZE + 4, (int) batch.result(first + 2 * i))
                        .putLong(ENTRIES + i * ENTRY_SIZE + 8, entry.startTime())
                        .putInt(pollfds + i * POLLFD_SIZE, (int) batch.result(first + 2 * i + 1))
                        .putShort(pollfds + i * POLLFD_SIZE + 4, (short) POLLIN);
            }
            RemoteMemory.write(pid, DATA, data.array());
            byte[] code = Assembler.keeper(Native.ARCH, DATA + COUNT, DATA + pollfds);
            RemoteMemory.write(pid, BASE, code);
        }
        scratch.unmap(tracee);
    }

    /** Lets a filled one go: from now on it lives without us. */
    void release() {
        tracee.require(Syscall.PRCTL, PR_SET_PDEATHSIG, 0);
        Registers registers = new Registers(tracee.registers());
        registers.goTo(BASE);
        tracee.continueWith(registers, 0);
        tracee.release();
    }

    /** Ends one that was not released, and with it all marks that nobody else holds. */
    @Override
    public void close() {
        Seed.kill(pid, List.of(tracee));
    }

    // ------------------------------------------------------------------ one of an earlier run

    /** The keeper of a round, if it lives and that is still its round. */
    static Optional<Keeper> find(int pid, long startTime, UUID round) {
        Keeper keeper = new Keeper(pid, startTime, null);
        return keeper.keeps(round) ? Optional.of(keeper) : Optional.empty();
    }

    /** Whether it lives, and nobody has taken over the marks of this round. */
    boolean keeps(UUID round) {
        Optional<ByteBuffer> head = head(pid);
        return head.isPresent()
                && head.get().getLong(ROUND) == round.getMostSignificantBits()
                && head.get().getLong(ROUND + 8) == round.getLeastSignificantBits()
                && isAlive();
    }

    private boolean isAlive() {
        try {
            Stat stat = Stat.read(pid);
            return stat.startTime() == startTime && !stat.isZombie();
        } catch (TaskGoneException e) {
            return false;
        }
    }

    /**
     * What a keeper's memory begins with; empty if a process is none. What stands there is believed
     * no further than its owner is.
     */
    private static Optional<ByteBuffer> head(int pid) {
        try {
            ByteBuffer head =
                    ByteBuffer.wrap(RemoteMemory.read(pid, DATA, ENTRIES))
                            .order(ByteOrder.nativeOrder());
            int n = head.getInt(COUNT);
            boolean ours = head.getLong(0) == MAGIC && n >= 0 && n <= MAX_ENTRIES;
            return ours ? Optional.of(head) : Optional.empty();
        } catch (JcriuException e) {
            return Optional.empty(); // gone, or another's
        }
    }

    /** What it keeps. */
    List<Entry> entries() {
        return entries(pid);
    }

    private static List<Entry> entries(int pid) {
        List<Entry> entries = new ArrayList<>();
        Optional<ByteBuffer> head = head(pid);
        if (head.isEmpty()) {
            return entries;
        }
        int n = head.get().getInt(COUNT);
        ByteBuffer list;
        try {
            list =
                    ByteBuffer.wrap(RemoteMemory.read(pid, DATA + ENTRIES, n * ENTRY_SIZE))
                            .order(ByteOrder.nativeOrder());
        } catch (TaskGoneException e) {
            return entries;
        }
        for (int i = 0; i < n; i++) {
            entries.add(
                    new Entry(
                            list.getInt(i * ENTRY_SIZE),
                            list.getLong(i * ENTRY_SIZE + 8),
                            list.getInt(i * ENTRY_SIZE + 4)));
        }
        return entries;
    }

    /** The userfaultfd of an entry; empty if it cannot be had, since the keeper is gone, say. */
    Optional<Fd> take(Entry entry) {
        try {
            return Optional.of(Fd.take(pid, entry.uffd()));
        } catch (SyscallException e) {
            if (e.errno() == Errno.EMFILE) {
                throw e;
            }
            return Optional.empty();
        }
    }

    /** Nobody may believe its marks any more: they are about to be set anew. */
    void revoke() {
        RemoteMemory.write(pid, DATA + ROUND, new byte[16]);
    }

    /** Ends it, if it is there yet. */
    void end() {
        if (isAlive()) {
            Native.call(Syscall.KILL, pid, SIGKILL);
        }
    }

    /** Whether a keeper that this user made watches this task. */
    static boolean isWatched(int task) {
        long started = Stat.read(task).startTime();
        int user = owner((int) ProcessHandle.current().pid());
        for (int other : ProcFs.all()) {
            if (isKeeper(other, user)) {
                for (Entry entry : entries(other)) {
                    if (entry.pid() == task && entry.startTime() == started) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private static int owner(int pid) {
        return Status.read(pid).uids()[1];
    }

    /** Any process can call itself one: whose it is tells. */
    private static boolean isKeeper(int pid, int user) {
        try {
            return Stat.read(pid).comm().equals(NAME)
                    && owner(pid) == user
                    && head(pid).isPresent();
        } catch (TaskGoneException e) {
            return false;
        }
    }
}
