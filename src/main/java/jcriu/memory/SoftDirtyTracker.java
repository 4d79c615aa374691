package jcriu.memory;

import static jcriu.kernel.FileConstants.O_WRONLY;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.image.proto.jcriu_track;
import jcriu.image.proto.jcriu_track_task;
import jcriu.proc.MapsVma;
import jcriu.proc.Stat;
import jcriu.proc.VmFlag;
import jcriu.store.PageRead;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.NativeMemory;
import jcriu.tracee.RemoteMemory;
import jcriu.tracee.Seed;
import jcriu.tracee.Tracee;

/**
 * Believes the kernel's soft-dirty bits: 4 is written to {@code /proc/PID/clear_refs}, and bit 55
 * of a page's entry in pagemap says whether it was written since. Nothing stays in the task.
 *
 * <p>The bit alone proves too little, so a page is left to the parent only if all of this holds; in
 * doubt its content is compared.
 *
 * <ul>
 *   <li>The bit is clear, and the page is in the frame of physical memory in which it was when the
 *       bits were cleared. mremap(2) of whole blocks of 2 MiB moves page tables, and the bits with
 *       them (seen under Linux 6.1 and 6.12); KSM puts another page in the place of one, without
 *       its bit; a page that was given back and only read since is the zero page.
 *   <li>Nobody else has cleared bits since ({@link Sentinels}), and no other jcriu has begun a
 *       round of its own ({@link SoftDirtyRound}).
 *   <li>It is the same task: its start time.
 *   <li>The mapping is none for which the kernel keeps no bit (hugetlb), or whose pages it merges,
 *       and the task has no asynchronous I/O, whose results come by way of frames, not page tables.
 *   <li>Where the content was copied while the task ran, the page was in its frame before and after
 *       that, too.
 * </ul>
 *
 * <p>Source: Documentation/admin-guide/mm/soft-dirty.rst, pagemap.rst.
 */
public final class SoftDirtyTracker implements Tracker {
    public static final String NAME = "soft-dirty";

    private static final int PAGE = 4096;

    /** What the kernel calls the ring of io_setup(2). */
    private static final String AIO_RING = "/[aio]";

    /** Read at a time from a task that runs, between two looks at its frames. */
    private static final int BRACKET = 256 << 10;

    /** As many pages as move at once when page tables are exchanged in a bracket, or nearly so. */
    private static final int MANY = 32;

    private static final VmFlag[] UNPROVEN = {
        VmFlag.HT, VmFlag.MG, VmFlag.PF, VmFlag.IO, VmFlag.MM, VmFlag.UM, VmFlag.UW
    };

    /** What is known of a task in this round. */
    private static final class Watched {
        final long startTime;

        /** Written since the last round, or not: proven. All else is in doubt. */
        final Runs written = new Runs();

        final Runs unwritten = new Runs();
        PageFrames frames = new PageFrames();

        /** None: the next dump must not believe the bits. */
        Sentinels sentinels;

        /** Pages that were elsewhere while they were copied. */
        private Runs moved = new Runs();

        private boolean moves;

        Watched(long startTime) {
            this.startTime = startTime;
        }

        synchronized void moved(Runs pages, int unwritten) {
            moves |= unwritten >= MANY;
            moved = moved.or(pages);
        }

        synchronized boolean moves() {
            return moves;
        }

        synchronized PageFrames settledFrames() {
            return frames.without(moved);
        }
    }

    private final DigestTracker digest = new DigestTracker(this::source);
    private final String round = UUID.randomUUID().toString();
    private final Map<Integer, SoftDirtyRound> before = new HashMap<>();
    private final Map<Integer, Watched> watched = new ConcurrentHashMap<>();
    private final List<String> fallbacks = new ArrayList<>();
    private boolean arm;

    /**
     * Whether the kernel tells what was written, and in which frames pages are. It is tried: one
     * without soft-dirty bits takes the 4 as well, and does nothing.
     */
    public static boolean works() {
        Tracee seed = Seed.spawn(0, false);
        try (PageEntries entries = new PageEntries(seed.pid())) {
            long page = seed.registers().stackPointer() & -PAGE;
            byte[] word = RemoteMemory.read(seed.pid(), page, 8);
            RemoteMemory.write(seed.pid(), page, word);
            clear(seed.pid());
            long cleared = entries.of(page);
            RemoteMemory.write(seed.pid(), page, word);
            return (cleared & PageEntries.SOFT_DIRTY) == 0
                    && (entries.of(page) & PageEntries.SOFT_DIRTY) != 0
                    && (cleared & PageEntries.FRAME) != 0;
        } catch (SyscallException e) {
            return false;
        } finally {
            Seed.kill(seed.pid(), List.of(seed));
        }
    }

    private static void clear(int pid) {
        try (Fd refs = Fd.open("/proc/" + pid + "/clear_refs", O_WRONLY);
                NativeMemory four = NativeMemory.cString("4")) {
            refs.writeFully(four.address(), 1, 0);
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean arms() {
        return true;
    }

    @Override
    public void begin(Optional<jcriu_track> parent, boolean arm) {
        this.arm = arm;
        SoftDirtyRound.sweep();
        if (parent.isEmpty()) {
            return;
        }
        if (!parent.get().getTracker().equals(NAME)) {
            fallBack("the parent was not made with soft-dirty bits");
            return;
        }
        for (jcriu_track_task task : parent.get().getTasksList()) {
            Optional<SoftDirtyRound> last = SoftDirtyRound.read(task.getPid());
            if (last.isEmpty()) {
                fallBack(task.getPid(), "nothing is known of its last round");
            } else if (!last.get().round().equals(parent.get().getRound())) {
                fallBack(task.getPid(), "it is in another chain since the parent was made");
            } else {
                before.put(task.getPid(), last.get());
            }
        }
    }

    private synchronized void fallBack(String why) {
        fallbacks.add("all pages are compared by content: " + why);
    }

    private synchronized void fallBack(int pid, String why) {
        fallbacks.add("task " + pid + " is compared by content: " + why);
    }

    @Override
    public boolean readsFlags() {
        return true;
    }

    @Override
    public Runs look(int pid, List<MapsVma> vmas, Pages pages, PagemapScan scan) {
        Runs present = Tracker.super.look(pid, vmas, pages, scan);
        Watched task = new Watched(Stat.read(pid).startTime());
        watched.put(pid, task);
        try (PageEntries entries = new PageEntries(pid)) {
            Optional<SoftDirtyRound> last = lastRound(pid, task, vmas, entries);
            sort(provable(pid, vmas).and(present), last, entries, task);
            if (arm) {
                arm(pid, vmas, entries, task);
            }
        }
        return present;
    }

    /** The last round, if its bits can be believed. */
    private Optional<SoftDirtyRound> lastRound(
            int pid, Watched task, List<MapsVma> vmas, PageEntries entries) {
        SoftDirtyRound last = before.get(pid);
        if (last == null) {
            return Optional.empty();
        }
        if (last.startTime() != task.startTime) {
            fallBack(pid, "it is another one than in the parent, with the same number");
        } else if (!last.sentinels().stand(vmas, entries)) {
            fallBack(pid, "somebody else has cleared its soft-dirty bits, or it has executed");
        } else {
            return Optional.of(last);
        }
        return Optional.empty();
    }

    /** Where the bits can prove something. */
    private Runs provable(int pid, List<MapsVma> vmas) {
        Runs provable = new Runs();
        int others = 0;
        for (MapsVma vma : vmas) {
            if (Arrays.stream(UNPROVEN).noneMatch(vma::has)) {
                provable.add(vma.start(), vma.end());
            } else if (others++ == 0) {
                fallBack(pid, "from " + vma + " on: hugetlb, mergeable or a device's");
            }
        }
        return provable;
    }

    /** Notes of each page whether it was written, and in which frame it is. */
    private void sort(
            Runs pages, Optional<SoftDirtyRound> last, PageEntries entries, Watched task) {
        for (int i = 0; i < pages.size(); i++) {
            entries.visit(
                    pages.start(i),
                    pages.end(i),
                    (page, entry) -> {
                        long frame = frame(entry);
                        if (frame != 0) {
                            task.frames.add(page, frame);
                        }
                        if (last.isEmpty()) {
                            return;
                        }
                        if ((entry & PageEntries.SOFT_DIRTY) != 0) {
                            task.written.add(page, page + PAGE);
                        } else if (frame != 0 && last.get().frames().of(page) == frame) {
                            task.unwritten.add(page, page + PAGE);
                        }
                    });
        }
    }

    /** Zero for a page that is not in memory. */
    private static long frame(long entry) {
        return (entry & (PageEntries.PRESENT | PageEntries.SWAPPED)) == PageEntries.PRESENT
                ? entry & PageEntries.FRAME
                : 0;
    }

    private void arm(int pid, List<MapsVma> vmas, PageEntries entries, Watched task) {
        SoftDirtyRound.forget(pid);
        if (vmas.stream().anyMatch(vma -> vma.name().equals(AIO_RING))) {
            fallBack(pid, "by the next dump: results of asynchronous I/O set no soft-dirty bits");
            return;
        }
        clear(pid);
        task.sentinels = Sentinels.set(pid, vmas, entries);
        if (task.sentinels.pages().length == 0) {
            task.sentinels = null;
            fallBack(
                    pid,
                    "by the next dump: it has no pages by which that could tell whether somebody"
                            + " else has cleared its soft-dirty bits");
        }
    }

    @Override
    public Runs unchanged(
            int pid, Runs present, PageRead parent, Workers workers, boolean running) {
        Watched task = watched.get(pid);
        Runs left = present.and(parent.runs()).and(task.unwritten);
        SoftDirtyRound last = before.get(pid);
        Runs surely = last == null ? task.written : task.written.minus(last.sentinels().marked());
        surely = surely.minus(task.frames.huge(surely)); // it has one bit for all of its pages
        Runs doubtful = present.minus(surely).minus(left);
        return left.or(digest.unchanged(pid, doubtful, parent, workers, running));
    }

    /**
     * Where a task runs meanwhile, what is read belongs to a page only if it is in its frame before
     * and after.
     */
    @Override
    public PageXfer.Source source(int pid, boolean running) {
        if (!running || !arm) {
            return Tracker.super.source(pid, running);
        }
        return (start, to, length) -> read(pid, start, to, length);
    }

    private void read(int pid, long start, long to, long length) {
        Watched task = watched.get(pid);
        try (PageEntries entries = new PageEntries(pid)) {
            for (long at = 0; at < length; at += BRACKET) {
                long from = start + at;
                long bytes = Math.min(BRACKET, length - at);
                checkFrames(from, from + bytes, entries, task);
                PagesOut.readWhatIsThere(pid, from, to + at, bytes);
                checkFrames(from, from + bytes, entries, task);
            }
        }
    }

    /** Notes pages that are not in their frames now. */
    private static void checkFrames(long start, long end, PageEntries entries, Watched task) {
        Runs elsewhere = new Runs();
        int[] unwritten = {0};
        entries.visit(
                start,
                end,
                (page, entry) -> {
                    if (frame(entry) != task.frames.of(page)) {
                        elsewhere.add(page, page + PAGE);
                        unwritten[0] += (entry & PageEntries.SOFT_DIRTY) == 0 ? 1 : 0;
                    }
                });
        if (!elsewhere.isEmpty()) {
            task.moved(elsewhere, unwritten[0]);
        }
    }

    @Override
    public Optional<jcriu_track> round() {
        if (!arm) {
            return Optional.empty();
        }
        jcriu_track.Builder track = jcriu_track.newBuilder().setTracker(NAME).setRound(round);
        watched.forEach(
                (pid, task) ->
                        track.addTasks(
                                jcriu_track_task
                                        .newBuilder()
                                        .setPid(pid)
                                        .setStartTime(task.startTime)));
        return Optional.of(track.build());
    }

    @Override
    public void keep() {
        if (!arm) {
            return;
        }
        watched.forEach(
                (pid, task) -> {
                    if (task.sentinels == null) {
                        return;
                    }
                    if (task.moves()) {
                        fallBack(
                                pid, "by the next dump: it has moved pages while they were copied");
                        return;
                    }
                    try {
                        new SoftDirtyRound(
                                        task.startTime, round, task.sentinels, task.settledFrames())
                                .write(pid);
                    } catch (JcriuException e) {
                        fallBack(pid, "of this round nothing can be noted: " + e.what());
                    }
                });
    }

    @Override
    public List<String> fallbacks() {
        return List.copyOf(fallbacks);
    }
}
