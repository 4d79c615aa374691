package jcriu.resource;

import static jcriu.kernel.MmanConstants.*;

import java.util.ArrayList;
import java.util.List;
import jcriu.image.VmaStatus;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.Syscall;
import jcriu.store.Runs;
import jcriu.tracee.RemoteBatch;

/**
 * What a forked child keeps of its parent's address space when it is restored: private mappings
 * that both have. Their pages stay shared copy-on-write, as fork(2) left them, until one writes.
 *
 * <p>The images hold every task's pages in full; that two pages are one can only be seen by
 * comparing them. So the parent is filled first, the child forked then, and only what differs is
 * written into the child.
 */
public final class Inheritance {
    private static final int DOES_NOT_FORK = MAP_HUGETLB | MAP_DROPPABLE;
    private static final long DOES_NOT_FORK_ADVICE = 1L << MADV_DONTFORK | 1L << MADV_WIPEONFORK;

    /** One mapping of the child, and the parent's that it begins in. */
    private record Kept(vma_entry ours, vma_entry theirs) {
        long end() {
            return Math.min(ours.getEnd(), theirs.getEnd());
        }
    }

    private final List<Kept> kept = new ArrayList<>();
    private final List<vma_entry> others = new ArrayList<>();
    private final Runs ranges = new Runs();

    private Inheritance() {}

    /** A task that keeps nothing: the root, one of another program, or a zombie (null). */
    public static Inheritance none(mm_entry child) {
        Inheritance none = new Inheritance();
        if (child != null) {
            none.others.addAll(child.getVmasList());
        }
        return none;
    }

    /**
     * Finds what the child can keep; nothing if there is no page that both have in it.
     *
     * @param parentRuns where the parent has pages
     * @param childRuns where the child has pages
     */
    public static Inheritance of(mm_entry parent, Runs parentRuns, mm_entry child, Runs childRuns) {
        Inheritance plan = new Inheritance();
        if (parent.getExeFileId() != child.getExeFileId()
                || vdso(parent) == 0
                || vdso(parent) != vdso(child)) {
            return none(child); // it has executed a program since
        }
        int p = 0;
        List<vma_entry> theirs = parent.getVmasList();
        for (vma_entry ours : child.getVmasList()) {
            while (p < theirs.size() && theirs.get(p).getEnd() <= ours.getStart()) {
                p++;
            }
            if (p < theirs.size()
                    && theirs.get(p).getStart() <= ours.getStart()
                    && alike(theirs.get(p), ours)) {
                Kept mapping = new Kept(ours, theirs.get(p));
                plan.kept.add(mapping);
                plan.ranges.add(ours.getStart(), mapping.end());
            } else {
                plan.others.add(ours);
            }
        }
        return plan.ranges.and(parentRuns).and(childRuns).isEmpty() ? none(child) : plan;
    }

    private static long vdso(mm_entry mm) {
        for (vma_entry vma : mm.getVmasList()) {
            if (Vmas.is(vma, VmaStatus.VDSO)) {
                return vma.getStart();
            }
        }
        return 0;
    }

    /** Whether a fork hands the parent's mapping down as the child's, protection aside. */
    private static boolean alike(vma_entry theirs, vma_entry ours) {
        int kind = VmaStatus.ANON_PRIVATE | VmaStatus.FILE_PRIVATE;
        int special = VmaStatus.VDSO | VmaStatus.VVAR | VmaStatus.VSYSCALL | VmaStatus.GUARD;
        if ((ours.getStatus() & kind) == 0
                || (ours.getStatus() & kind) != (theirs.getStatus() & kind)
                || ((ours.getStatus() | theirs.getStatus()) & special) != 0
                || (ours.getFlags() & MAP_LOCKED) != 0
                || (theirs.getFlags() & ~MAP_LOCKED) != ours.getFlags()
                || (ours.getFlags() & DOES_NOT_FORK) != 0
                || ours.getMadv() != theirs.getMadv()
                || (ours.getMadv() & DOES_NOT_FORK_ADVICE) != 0) {
            return false;
        }
        boolean growsDown = (ours.getFlags() & MAP_GROWSDOWN) != 0;
        if (growsDown && ours.getEnd() > theirs.getEnd()) {
            return false;
        }
        return !Vmas.is(ours, VmaStatus.FILE_PRIVATE)
                || ours.getShmid() == theirs.getShmid()
                        && ours.getPgoff() - ours.getStart()
                                == theirs.getPgoff() - theirs.getStart();
    }

    /**
     * Whether anything is kept: then the child must be forked when its parent's memory is there.
     */
    public boolean any() {
        return !kept.isEmpty();
    }

    /** Addresses that the child keeps, with the pages there. */
    public Runs ranges() {
        return ranges;
    }

    /** The mappings that are to be made afresh. */
    public List<vma_entry> others() {
        return others;
    }

    /**
     * Adds the calls that make the kept mappings those of the child; all else of the parent is gone
     * by then.
     */
    public void adjust(RemoteBatch batch, Runnable flush) {
        for (Kept mapping : kept) {
            vma_entry ours = mapping.ours;
            if (!batch.fits(2, 0)) {
                flush.run();
            }
            long length = ours.getEnd() - ours.getStart();
            if (mapping.end() < ours.getEnd()) {
                batch.add(
                        "extend an inherited mapping",
                        Syscall.MREMAP,
                        ours.getStart(),
                        mapping.end() - ours.getStart(),
                        length,
                        0);
            }
            if (ours.getProt() != mapping.theirs.getProt()) {
                batch.add(
                        "protect an inherited mapping",
                        Syscall.MPROTECT,
                        ours.getStart(),
                        length,
                        ours.getProt());
            }
        }
    }

    /** Adds the calls that drop pages which the parent has and the child has not. */
    public static void drop(Runs runs, RemoteBatch batch, Runnable flush) {
        for (int i = 0; i < runs.size(); i++) {
            if (!batch.fits(1, 0)) {
                flush.run();
            }
            batch.add(
                    "drop pages of the parent",
                    Syscall.MADVISE,
                    runs.start(i),
                    runs.end(i) - runs.start(i),
                    MADV_DONTNEED);
        }
    }
}
