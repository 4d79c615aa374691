package jcriu.restore;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.ProcessConstants.*;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jcriu.errors.Errno;
import jcriu.errors.RemoteSyscallException;
import jcriu.image.ImageDir;
import jcriu.image.VmaStatus;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.file_lock_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.jcriu_thread;
import jcriu.image.proto.seccomp_filter;
import jcriu.image.proto.seccomp_mode;
import jcriu.image.proto.tty_file_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.Syscall;
import jcriu.memory.PagesIn;
import jcriu.memory.SharedPages;
import jcriu.memory.Workers;
import jcriu.proc.Limits;
import jcriu.proc.MapsVma;
import jcriu.proc.Status;
import jcriu.resource.AddressSpace;
import jcriu.resource.AioRing;
import jcriu.resource.Directories;
import jcriu.resource.FileLocks;
import jcriu.resource.Inheritance;
import jcriu.resource.MemoryExtras;
import jcriu.resource.RestoredFiles;
import jcriu.resource.Seccomp;
import jcriu.resource.StopState;
import jcriu.resource.TaskExtras;
import jcriu.resource.TaskState;
import jcriu.resource.ThreadState;
import jcriu.resource.Vmas;
import jcriu.store.PageRead;
import jcriu.store.PagemapRun;
import jcriu.store.Runs;
import jcriu.sys.FaultPoint;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.tracee.PidInUse;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.RemoteMemory;
import jcriu.tracee.Scratch;
import jcriu.tracee.Seed;
import jcriu.tracee.SignalFrame;
import jcriu.tracee.Tracee;
import jcriu.tracee.Vdso;

/** One task while it is restored: a seed that becomes what the images say, step by step. */
final class TaskRestore {
    final LoadedTask images;
    final Tracee leader;
    final List<Tracee> threads = new ArrayList<>();
    private final Scratch scratch;
    private RemoteBatch batch;
    private boolean ended;
    private long vdso;
    private boolean hasMemory;
    private Map<Long, Integer> rings = Map.of();
    private long pagesRestored;
    private long pagesShared;

    /**
     * A seed.
     *
     * @param vdso where its vDSO is
     */
    TaskRestore(LoadedTask images, Tracee leader, Scratch scratch, long vdso) {
        this.images = images;
        this.leader = leader;
        this.scratch = scratch;
        this.vdso = vdso;
        threads.add(leader);
        leader.endBatchesBy(SignalFrame.quietSignal(pending()));
    }

    private long pending() {
        long pending = ThreadState.signals(images.tc().getSignalsS());
        for (core_entry core : images.cores) {
            pending |= ThreadState.signals(core.getThreadCore().getSignalsP());
        }
        return pending;
    }

    Scratch scratch() {
        return scratch;
    }

    /** The batch of this task; a new one where the last was closed. */
    private RemoteBatch batch() {
        if (batch == null) {
            batch = scratch.batch();
        }
        return batch;
    }

    private void flush() {
        batch().flush(leader);
    }

    /** Becomes a session leader, if the task was one. */
    void makeSession() {
        if (images.sid == images.pid) {
            leader.require(Syscall.SETSID);
        }
    }

    /**
     * Becomes the controlling process of the pty that its session had, before it has children: they
     * inherit it. Its descriptor table is empty.
     */
    void takeTerminal(RestoredFiles files) {
        int index = images.sid == images.pid ? files.ptys().controlledBy(images.sid) : -1;
        if (index < 0) {
            return;
        }
        files.openMaster(index);
        long path = batch().cString("/dev/pts/" + index);
        batch().add("open the terminal", Syscall.OPENAT, AT_FDCWD, path, O_RDWR | O_NOCTTY, 0);
        batch().add("take the terminal", Syscall.IOCTL, 0, TIOCSCTTY, 0);
        for (tty_file_entry current : files.ptys().currentOf(index)) {
            int flags = current.getFlags() & ~(O_CREAT | O_EXCL | O_TRUNC | O_ASYNC) | O_CLOEXEC;
            long tty = batch().cString("/dev/tty");
            batch().add("open /dev/tty", Syscall.OPENAT, AT_FDCWD, tty, flags, 0);
            flush();
            files.ptys().opened(current.getId(), Fd.take(images.pid, 1));
            batch().add("", Syscall.CLOSE, 1);
        }
        batch().add("", Syscall.CLOSE, 0);
        flush();
    }

    /** Puts the group in front that was; all groups are there, and its table is still empty. */
    void setForeground(RestoredFiles files) {
        int index = images.sid == images.pid ? files.ptys().controlledBy(images.sid) : -1;
        if (index < 0) {
            return;
        }
        long tty = batch().cString("/dev/tty");
        long group = batch().data(16);
        batch().putInt(group, files.ptys().foreground(index));
        batch().add("open /dev/tty", Syscall.OPENAT, AT_FDCWD, tty, O_RDWR, 0);
        // a group that has ended cannot be in front
        batch().tolerate(Syscall.IOCTL, 0, TIOCSPGRP, group);
        batch().add("", Syscall.CLOSE, 0);
        flush();
    }

    /**
     * Clones the seed of a child, with its pid.
     *
     * @param shared CLONE_FILES and CLONE_FS: whether it has the same descriptor table and
     *     directories as this task, for now at least
     */
    TaskRestore fork(LoadedTask child, long shared) {
        try {
            Tracee tracee =
                    leader.clone3(
                            cloneArgs(shared, TaskExtras.exitSignal(child.extras), child.pid),
                            false);
            return new TaskRestore(child, tracee, scratch.inChild(tracee.pid()), vdso);
        } catch (RemoteSyscallException e) {
            throw e.errno() == Errno.EEXIST ? PidInUse.refusal(child.pid) : e;
        }
    }

    /** Leaves the descriptor table, or the directories, that it shares: CLONE_FILES or CLONE_FS. */
    void unshare(long flag) {
        leader.require(Syscall.UNSHARE, flag);
    }

    /** Writes a {@code struct clone_args} into the scratch area; its address. */
    private long cloneArgs(long flags, int exitSignal, int tid) {
        byte[] args = new byte[CLONE_ARGS_SIZE + 8];
        java.nio.ByteBuffer words =
                java.nio.ByteBuffer.wrap(args).order(java.nio.ByteOrder.nativeOrder());
        long at = scratch.end() - args.length;
        words.putLong(0, flags);
        words.putLong(32, exitSignal);
        words.putLong(64, at + CLONE_ARGS_SIZE);
        words.putLong(72, 1);
        words.putInt(CLONE_ARGS_SIZE, tid);
        RemoteMemory.write(leader.pid(), at, args);
        return at;
    }

    /** Joins its process group, whose leader exists by now. */
    void joinGroup(int ownGroup) {
        if (images.pgid != ownGroup && images.pgid != 0 && images.sid != images.pid) {
            leader.require(Syscall.SETPGID, 0, images.pgid);
        }
    }

    /** Leads a process group of its own, for now at least. */
    void makeGroup() {
        leader.require(Syscall.SETPGID, 0, 0);
    }

    /**
     * Ends, having done its duty as a placeholder; the task that cloned it waits for it.
     *
     * @param adopter becomes the parent of its children; null if there are none
     */
    void endAsPlaceholder(TaskRestore maker, TaskRestore adopter) {
        if (adopter != null) {
            adopter.leader.require(Syscall.PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        }
        close();
        leader.exit(0, 0);
        ended = true;
        maker.leader.require(Syscall.WAIT4, images.pid, 0, 0, 0);
        StopState.take(maker.leader, maker.scratch, 1L << SIGCHLD - 1, 1);
        if (adopter != null) {
            adopter.leader.require(Syscall.PRCTL, PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
        }
    }

    /** Ends as the zombie that the task was. */
    void endAsZombie() {
        int status = images.tc().getExitCode();
        int signal = status & 0x7f;
        batch().add(
                        "",
                        Syscall.PRCTL,
                        PR_SET_NAME,
                        batch().cString(images.tc().getCommBytes().toByteArray()));
        if (images.extras != null && images.extras.hasZombieUid()) {
            int uid = images.extras.getZombieUid();
            batch().add("set the uid of a zombie", Syscall.SETRESUID, uid, uid, uid);
        }
        flush();
        close();
        if (signal != 0) {
            leader.require(Syscall.PRLIMIT64, 0, Limits.RLIMIT_CORE, zeros(16), 0);
        }
        leader.exit(signal, status >> 8 & 0xff);
        ended = true;
    }

    /** Stops as the task was, or did before it went on; {@code parent} is null for the root. */
    void stop(StopState.Untold untold, TaskRestore parent) {
        StopState.stop(leader, scratch, images.tc().getStopSigno());
        if (untold == StopState.Untold.CONTINUATION) {
            StopState.resume(leader, scratch);
        } else if (untold == StopState.Untold.NOTHING && parent != null) {
            StopState.tell(parent.leader, parent.scratch, images.pid);
        }
    }

    /** Children that ended or stopped sent signals, which are not the task's. */
    void takeChildSignals() {
        long signals = 0;
        int count = 0;
        for (LoadedTask child : images.children) {
            jcriu_task extra = child.extras;
            if (child.zombie()) {
                int signal = TaskExtras.exitSignal(extra);
                signals |= signal == 0 ? 0 : 1L << signal - 1;
                count++;
            } else if (child.stopped()
                    || StopState.untold(extra, false) != StopState.Untold.NOTHING) {
                signals |= 1L << SIGCHLD - 1;
                count++;
            }
        }
        if (signals != 0) {
            StopState.take(leader, scratch, signals, count);
        }
    }

    private long zeros(int length) {
        long at = scratch.end() - length;
        RemoteMemory.write(leader.pid(), at, new byte[length]);
        return at;
    }

    boolean ended() {
        return ended;
    }

    /**
     * Makes the address space and fills it, unless that is done already.
     *
     * @param seed the mappings of a fresh seed
     */
    void makeMemory(List<MapsVma> seed, RestoredFiles files, ImageDir dir, Workers workers) {
        if (hasMemory) {
            return;
        }
        hasMemory = true;
        makeAddressSpace(seed, files);
        FaultPoint.RESTORE_ADDRESS_SPACE.pass();
        fillMemory(workers);
        AioRing.settle(images.mm, rings, leader, batch());
    }

    private void makeAddressSpace(List<MapsVma> seed, RestoredFiles files) {
        List<MapsVma> special = AddressSpace.vdsoAt(seed, vdso);
        if (images.kept.any()) {
            AddressSpace.keep(
                    special, images.kept, scratch.base(), scratch.end(), batch(), this::flush);
        } else {
            vdso =
                    images.vdsoStubs == null
                            ? AddressSpace.vdso(images.mm, images.mmFile()).getStart()
                            : AddressSpace.parked(special, scratch.end());
            AddressSpace.clear(special, vdso, scratch.base(), scratch.end(), batch());
        }
        flush();
        if (images.vdsoStubs != null) {
            AddressSpace.map(images.vdsoStubs, batch());
            flush();
            RemoteMemory.write(images.pid, images.vdsoStubs.start(), images.vdsoStubs.code(vdso));
        }
        AddressSpace.map(
                images.kept.others(), files, leader, batch(), this::flush, images.mmFile());
        rings = AioRing.make(images.mm, leader, batch());
        AddressSpace.describe(images.pid, images.mm, images.memory, files, batch());
        flush();
    }

    long pagesRestored() {
        return pagesRestored;
    }

    /** Pages that are the parent's, too. */
    long pagesShared() {
        return pagesShared;
    }

    /**
     * All pages lie in mappings: {@link ImageCheck} has seen to it. Those of the vDSO are the
     * kernel's own, or were written with their stubs.
     */
    private void fillMemory(Workers workers) {
        PageRead pages = images.pages;
        Runs runs = pages.runs();
        for (vma_entry vma : images.mm.getVmasList()) {
            if (Vmas.is(vma, VmaStatus.VDSO)) {
                Runs vdsoPages = new Runs();
                vdsoPages.add(vma.getStart(), vma.getEnd());
                runs = runs.minus(vdsoPages);
            }
        }
        if (!images.kept.any()) {
            pagesRestored = PagesIn.copyToTask(pages, runs, images.pid, workers);
            return;
        }
        PageRead theirs = images.parent.pages;
        SharedPages sorted = SharedPages.of(images.kept.ranges(), theirs.runs(), runs);
        Inheritance.drop(sorted.dropped(), batch(), this::flush);
        flush();
        pagesRestored =
                PagesIn.copyToTask(pages, sorted.copied(), images.pid, workers)
                        + sorted.compared().bytes() / PagemapRun.PAGE_SIZE;
        pagesShared = PagesIn.copyDifferent(pages, theirs, sorted.compared(), images.pid, workers);
    }

    /** Its descriptor table is still empty. */
    void restoreLoginuid() {
        TaskExtras.restoreLoginuid(images.tc(), leader, batch());
        flush();
    }

    /**
     * Gets directories and umask, its own and those of threads that have others.
     *
     * @param own false where another task, with which it shares its own, has got them
     */
    void installDirectories(RestoredFiles files, boolean own) {
        if (own) {
            Directories.restore(images.fs, files, batch());
            flush();
        }
        for (Tracee thread : threads) {
            jcriu_thread extra = TaskExtras.thread(images.extras, thread.tid());
            if (extra.hasFs() && extra.getFsOwner() == thread.tid()) {
                Directories.restore(extra.getFs(), files, batch());
                batch().flush(thread);
            }
        }
    }

    /** Fills its descriptor table, which others may share. */
    void installFiles(RestoredFiles files) {
        files.install(images.fds, batch(), this::flush);
        flush();
    }

    void takeLocks(List<file_lock_entry> locks) {
        FileLocks.restore(locks, batch(), this::flush);
        flush();
    }

    /** Clones the other threads; descriptors may be of them. */
    void cloneThreads() {
        for (int i = 1; i < images.tids.size(); i++) {
            int tid = images.tids.get(i);
            jcriu_thread extra = TaskExtras.thread(images.extras, tid);
            boolean ownDirectories = extra.hasFs() && extra.getFsOwner() == tid;
            Tracee creator = extra.hasFs() && !ownDirectories ? thread(extra.getFsOwner()) : leader;
            long flags =
                    CLONE_VM
                            | (ownDirectories ? 0 : CLONE_FS)
                            | CLONE_FILES
                            | CLONE_SIGHAND
                            | CLONE_THREAD
                            | CLONE_SYSVSEM;
            try {
                threads.add(creator.clone3(cloneArgs(flags, 0, tid), true));
            } catch (RemoteSyscallException e) {
                throw e.errno() == Errno.EEXIST ? PidInUse.refusal(tid) : e;
            }
        }
    }

    /** Gives every thread its state. */
    void restoreThreads() {
        jcriu_task extras = images.extras;
        TaskExtras.restoreCoredumpFilter(extras, images.pid);
        TaskExtras.restoreOomScore(images.pid, images.tc().getOomScoreAdj());
        Limits ours = Limits.read(images.pid);
        Caller caller = new Caller();
        TaskState.restore(
                images.tc(),
                ours,
                images.pid,
                timerIdsNeedCounting(),
                batch(),
                caller::flush,
                caller::become);
        flush();
        for (int i = 0; i < threads.size(); i++) {
            Tracee thread = threads.get(i);
            ThreadState.restore(
                    images.cores.get(i),
                    images.pid,
                    images.tids.get(i),
                    batch(),
                    () -> batch().flush(thread));
            TaskExtras.restore(extras, images.tids.get(i), images.cores.get(i), batch());
            batch().flush(thread);
        }
    }

    /** The thread that the calls of the batch are for: the leader at first. */
    private final class Caller {
        private Tracee thread = leader;

        void flush() {
            batch().flush(thread);
        }

        void become(int tid) {
            if (tid != thread.tid()) {
                flush();
                thread = thread(tid);
            }
        }
    }

    /** A thread by its id; the leader where there is none. */
    private Tracee thread(int tid) {
        int index = images.tids.indexOf(tid);
        return index < 0 ? leader : threads.get(index);
    }

    private boolean timerIdsNeedCounting() {
        if (images.tc().getTimers().getPosixCount() == 0) {
            return false;
        }
        long r = leader.call(Syscall.PRCTL, PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0, 0);
        return Native.failed(r);
    }

    /** Seccomp and credentials, after which privileges are gone; then dumpable and timers. */
    void takePrivileges(List<seccomp_filter> filters) {
        MemoryExtras.restore(
                images.memory, images.mm.getVmasList(), images.guards, batch(), this::flush);
        flush();
        for (int i = threads.size() - 1; i >= 0; i--) {
            core_entry core = images.cores.get(i);
            Status ours = Status.readThread(images.pid, images.tids.get(i));
            if (core.getThreadCore().getSeccompMode() == seccomp_mode.filter) {
                threads.get(i).suspendSeccompOfOurs();
                Tracee thread = threads.get(i);
                Seccomp.restore(
                        filters,
                        core.getThreadCore().getSeccompFilter(),
                        batch(),
                        () -> batch().flush(thread));
                batch().flush(thread);
            } else if (core.getThreadCore().getSeccompMode() == seccomp_mode.strict) {
                threads.get(i).suspendSeccompOfOurs();
                batch().add("", Syscall.PRCTL, PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
                batch().flush(threads.get(i));
            }
            ThreadState.restoreCredentials(core, ours, batch());
            batch().flush(threads.get(i));
        }
        AddressSpace.restoreLast(images.mm, images.memory, batch());
        flush();
    }

    /** The last steps: timers run, the scratch area goes, registers are set. Still stopped. */
    void finish() {
        for (int i = 0; i < threads.size(); i++) {
            ThreadState.restoreRegisters(
                    images.cores.get(i),
                    threads.get(i),
                    jcriu.image.ImageType.CORE.fileName(images.tids.get(i)));
        }
        Caller caller = new Caller();
        TaskState.startTimers(
                images.tc(), images.pid, pending(), batch(), caller::flush, caller::become);
        flush();
        close();
        leader.syscallAddress(vdso + Vdso.syscallOffset());
        scratch.unmap(leader);
        for (Tracee thread : threads) {
            thread.putBack();
        }
    }

    /**
     * From here on the end of jcriu lets the task go instead of killing it. When all tasks have
     * come this far the tree is whole, whatever becomes of us.
     */
    void outliveUs(boolean leaveStopped) {
        if (ended) {
            return;
        }
        for (Tracee thread : threads) {
            thread.outliveUs();
        }
        if (leaveStopped && !images.stopped()) {
            Native.call(Syscall.KILL, images.pid, SIGSTOP);
        }
    }

    /** Lets the task go on; one that got SIGSTOP stays in state T. */
    void release() {
        if (ended) {
            return;
        }
        for (Tracee thread : threads) {
            thread.release();
        }
    }

    /** The restore has failed: nothing of the task stays. */
    void kill() {
        if (!ended) {
            Seed.kill(images.pid, threads);
        }
        close();
    }

    void close() {
        if (batch != null) {
            batch.close();
            batch = null;
        }
    }
}
