package jcriu.restore;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import jcriu.errors.ImageFormatException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.TaskState;
import jcriu.image.VmaStatus;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.creds_entry;
import jcriu.image.proto.file_lock_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.jcriu_thread;
import jcriu.image.proto.posix_timer_entry;
import jcriu.image.proto.seccomp_filter;
import jcriu.image.proto.seccomp_mode;
import jcriu.image.proto.siginfo_entry;
import jcriu.image.proto.signal_queue_entry;
import jcriu.image.proto.task_core_entry;
import jcriu.image.proto.thread_core_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.ProcessConstants;
import jcriu.resource.AddressSpace;
import jcriu.resource.FileLocks;
import jcriu.resource.FilesCheck;
import jcriu.resource.NumaPolicy;
import jcriu.resource.Seccomp;
import jcriu.resource.TaskExtras;
import jcriu.resource.Vmas;
import jcriu.store.Runs;

/**
 * All images of a tree that are read before its first process is made, each checked against the
 * others: a restore that begins has seen nothing impossible.
 *
 * <p>What the kernel itself refuses (a policy, a limit) is left to it; here stands what would
 * confuse jcriu: indexes, lengths, numbers that it computes with, and signals that would not end
 * what they must end.
 */
record ImageCheck(
        List<LoadedTask> tree,
        List<seccomp_filter> filters,
        Map<Integer, jcriu_task> extras,
        Map<Integer, List<file_lock_entry>> locks) {

    private static final int SHARED =
            VmaStatus.FILE_SHARED | VmaStatus.ANON_SHARED | VmaStatus.SYSVIPC;

    private static final int MAX_COMM = 15;

    /** {@code struct siginfo} begins with number, errno and code. */
    private static final int MIN_SIGINFO = 12;

    private static final int MAX_SIGINFO = 128;

    /** NGROUPS_MAX, getgroups(2). */
    private static final int MAX_GROUPS = 65536;

    /** A kernel's auxiliary vector has less than a hundred words. */
    private static final int MAX_AUXV_WORDS = 1024;

    /** 65536 processors. */
    private static final int MAX_AFFINITY_BYTES = 8192;

    /** BPF_MAXINSNS of 8 bytes, and what a chain may have in all, seccomp(2). */
    private static final int MAX_FILTER_BYTES = 4096 * 8;

    private static final int MAX_CHAIN_BYTES = 32768 * 8;

    /** Signals that do not end a process by default, signal(7). */
    private static final Set<Integer> HARMLESS = Set.of(17, 18, 19, 20, 21, 22, 23, 28);

    /**
     * Reads and checks.
     *
     * @throws ImageFormatException for the first thing that is wrong
     */
    static ImageCheck read(ImageDir images) {
        List<LoadedTask> tree = LoadedTask.readTree(images);
        ImageCheck check =
                new ImageCheck(
                        tree,
                        Seccomp.read(images),
                        TaskExtras.read(images),
                        FileLocks.read(images));
        FilesCheck files = FilesCheck.read(images);
        Map<Integer, Set<Integer>> tables = new HashMap<>();
        Set<Integer> chains = new HashSet<>();
        for (LoadedTask task : tree) {
            check.process(task);
            if (task.zombie()) {
                continue;
            }
            for (int i = 0; i < task.cores.size(); i++) {
                check.thread(task, i, chains);
            }
            memory(task, files);
            files.requirePath(task.fs.getCwdId(), "the working directory of task " + task.pid);
            files.requirePath(task.fs.getRootId(), "the root directory of task " + task.pid);
            Set<Integer> table = tables.get(task.filesId);
            if (table == null) {
                table = files.table(task.fds, ImageType.FDINFO.fileName(task.filesId));
                tables.put(task.filesId, table);
            }
            for (file_lock_entry lock : check.locks.getOrDefault(task.pid, List.of())) {
                if (!table.contains(lock.getFd())) {
                    throw wrong(
                            ImageType.FILE_LOCKS.fileName(),
                            "task " + task.pid + " has no descriptor " + lock.getFd());
                }
            }
            check.extras(task, files);
        }
        files.owners(
                tree.stream().flatMap(task -> task.tids.stream()).collect(Collectors.toSet()),
                tree.stream().map(task -> task.pgid).collect(Collectors.toSet()));
        return check;
    }

    private static ImageFormatException wrong(String image, String what) {
        return new ImageFormatException(image, -1, what);
    }

    private void process(LoadedTask task) {
        task_core_entry tc = task.tc();
        String image = task.coreFile();
        int state = tc.getTaskState();
        if (state != TaskState.ALIVE && state != TaskState.STOPPED && !task.zombie()) {
            throw wrong(image, "task state " + Integer.toUnsignedString(state) + " is not known");
        }
        name(tc.getComm(), image);
        int signal = tc.getExitCode() & 0x7f;
        if (task.zombie() && (signal > ProcessConstants.NSIG || HARMLESS.contains(signal))) {
            throw wrong(image, "no process ends by signal " + signal);
        }
        if (task.zombie()) {
            return;
        }
        if (tc.getSigactionsCount() != 0 && tc.getSigactionsCount() != ProcessConstants.NSIG - 2) {
            throw wrong(image, "has " + tc.getSigactionsCount() + " signal handlers");
        }
        signals(tc.getSignalsS(), image);
        Set<Integer> timers = new HashSet<>();
        for (posix_timer_entry timer : tc.getTimers().getPosixList()) {
            if (timer.getItId() < 0 || !timers.add(timer.getItId())) {
                throw wrong(
                        image,
                        "timer "
                                + Integer.toUnsignedString(timer.getItId())
                                + " is impossible or double");
            }
        }
    }

    private static void name(String comm, String image) {
        if (comm.length() > MAX_COMM || comm.indexOf('\0') >= 0) {
            throw wrong(image, "has an impossible name");
        }
    }

    private static void signals(signal_queue_entry queue, String image) {
        for (siginfo_entry entry : queue.getSignalsList()) {
            int length = entry.getSiginfo().size();
            int signal = 0;
            for (int i = Math.min(4, length) - 1; i >= 0; i--) {
                signal = signal << 8 | entry.getSiginfo().byteAt(i) & 0xff;
            }
            if (length < MIN_SIGINFO
                    || length > MAX_SIGINFO
                    || signal < 1
                    || signal > ProcessConstants.NSIG) {
                throw wrong(image, "has an impossible pending signal");
            }
        }
    }

    private void thread(LoadedTask task, int index, Set<Integer> chains) {
        core_entry core = task.cores.get(index);
        String image = ImageType.CORE.fileName(task.tids.get(index));
        thread_core_entry t = core.getThreadCore();
        name(t.getComm(), image);
        signals(t.getSignalsP(), image);
        creds_entry creds = t.getCreds();
        if (creds.getGroupsCount() > MAX_GROUPS) {
            throw wrong(image, "has " + creds.getGroupsCount() + " groups");
        }
        if (t.getSeccompMode() == seccomp_mode.filter && chains.add(t.getSeccompFilter())) {
            chain(t.getSeccompFilter());
        }
    }

    /** Filters of a chain lead from newer to older, and together have a length that can be. */
    private void chain(int newest) {
        String image = ImageType.SECCOMP.fileName();
        int at = newest;
        long bytes = 0;
        while (true) {
            if (at < 0 || at >= filters.size()) {
                throw wrong(image, "has no filter " + Integer.toUnsignedString(at));
            }
            seccomp_filter filter = filters.get(at);
            int length = filter.getFilter().size();
            bytes += length;
            if (length == 0
                    || length % 8 != 0
                    || length > MAX_FILTER_BYTES
                    || bytes > MAX_CHAIN_BYTES) {
                throw wrong(image, "filter " + at + " has an impossible length, or has no end");
            }
            if (!filter.hasPrev()) {
                return;
            }
            at = filter.getPrev();
        }
    }

    private static void memory(LoadedTask task, FilesCheck files) {
        if (task.mm.getMmSavedAuxvCount() > MAX_AUXV_WORDS) {
            throw wrong(task.mmFile(), "has " + task.mm.getMmSavedAuxvCount() + " auxiliary words");
        }
        files.mapped(task.mm.getExeFileId() & 0xffffffffL, "the executable of task " + task.pid);
        for (vma_entry vma : task.mm.getVmasList()) {
            if (AddressSpace.isFile(vma)) {
                files.mapped(
                        vma.getShmid(),
                        "mapped at 0x" + Long.toHexString(vma.getStart()) + " by task " + task.pid);
            } else if (AddressSpace.isSysvShm(vma)) {
                files.segment(vma);
            }
        }
        AddressSpace.vdso(task.mm, task.mmFile());
        pages(task);
    }

    /**
     * Every run lies in mappings; it may go on over mappings that touch. Shared ones have no pages
     * in these images: those are the file's, or the object's, which others see.
     */
    private static void pages(LoadedTask task) {
        List<long[]> spans = new ArrayList<>();
        for (vma_entry vma : task.mm.getVmasList()) {
            if (Vmas.is(vma, SHARED)) {
                continue;
            }
            long[] last = spans.isEmpty() ? null : spans.get(spans.size() - 1);
            if (last != null && last[1] == vma.getStart()) {
                last[1] = vma.getEnd();
            } else {
                spans.add(new long[] {vma.getStart(), vma.getEnd()});
            }
        }
        int at = 0;
        Runs runs = task.pages.runs();
        for (int i = 0; i < runs.size(); i++) {
            while (at < spans.size() && spans.get(at)[1] <= runs.start(i) && spans.get(at)[1] > 0) {
                at++;
            }
            if (at == spans.size()
                    || spans.get(at)[0] > runs.start(i)
                    || spans.get(at)[1] < runs.end(i)) {
                throw wrong(
                        ImageType.PAGEMAP.fileName(task.pid),
                        "run at 0x"
                                + Long.toHexString(runs.start(i))
                                + " is outside all mappings with pages of their own");
            }
        }
    }

    private void extras(LoadedTask task, FilesCheck files) {
        jcriu_task extra = extras.get(task.pid);
        if (extra == null) {
            return;
        }
        for (jcriu_thread thread : extra.getThreadsList()) {
            if (thread.getAffinity().size() > MAX_AFFINITY_BYTES) {
                throw wrong(
                        ImageType.JCRIU_TASKS.fileName(),
                        "thread " + thread.getTid() + " has an impossible affinity");
            }
            if (thread.getNumaNodes().size() > NumaPolicy.MASK_BYTES) {
                throw wrong(
                        ImageType.JCRIU_TASKS.fileName(),
                        "thread " + thread.getTid() + " has impossible NUMA nodes");
            }
            if (thread.hasFs()) {
                directories(task, thread, files);
            }
        }
    }

    /** Threads come after the one whose directories they share. */
    private void directories(LoadedTask task, jcriu_thread thread, FilesCheck files) {
        int tid = thread.getTid();
        int owner = thread.getFsOwner();
        boolean ok = task.tids.indexOf(tid) > 0;
        if (owner != tid) {
            jcriu_thread first = TaskExtras.thread(extras.get(task.pid), owner);
            ok &=
                    task.tids.indexOf(owner) > 0
                            && task.tids.indexOf(owner) < task.tids.indexOf(tid)
                            && first.hasFs()
                            && first.getFsOwner() == owner;
        }
        if (!ok) {
            throw wrong(
                    ImageType.JCRIU_TASKS.fileName(),
                    "thread " + tid + " cannot share directories with thread " + owner);
        }
        files.requirePath(thread.getFs().getCwdId(), "the working directory of thread " + tid);
        files.requirePath(thread.getFs().getRootId(), "the root directory of thread " + tid);
    }
}
