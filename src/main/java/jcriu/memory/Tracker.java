package jcriu.memory;

import java.util.List;
import java.util.Optional;
import jcriu.image.proto.jcriu_track;
import jcriu.proc.MapsVma;
import jcriu.store.PageRead;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.tracee.FrozenTask;
import jcriu.tracee.RemoteMemory;

/**
 * Tells which pages of a task are as they are in the parent images. A page that is left to the
 * parent and was written after all is lost: the answer must be provable, and in doubt a page counts
 * as written.
 *
 * <p>There are trackers that ask for content alone ({@link #arms} is false), and trackers that set
 * marks in a stopped tree, which the kernel clears where a page is written. The latter work in
 * rounds: each dump reads the marks of the round before, and where it is to be a parent itself sets
 * them anew, all while the tree is stopped; so a page that is written while its content is copied
 * later is marked for the next. What a round was stands in its images ({@code jcriu-track.img}):
 * marks are believed only if they were set for the very images that are the parent now. A task or a
 * range of which nothing can be proven is compared by content, and {@link #fallbacks} says so.
 *
 * <p>Order of calls: {@link #begin}; with the tree stopped, {@link #attach} and {@link #look} for
 * each task, where {@link #arms}; {@link #unchanged}; {@link #round} for the images; {@link #keep}
 * when they are complete; {@link #close} always.
 */
public interface Tracker extends AutoCloseable {
    /** As on the command line. */
    String name();

    /** Whether it sets and reads marks of a stopped tree. */
    default boolean arms() {
        return false;
    }

    /**
     * Whether flags of mappings are believed, so that they must be those of the stopped tree. To
     * ask for them has the kernel walk all page tables.
     */
    default boolean readsFlags() {
        return false;
    }

    /**
     * Before the tree is stopped.
     *
     * @param parent what stands in the parent images, whichever tracker wrote it; empty where
     *     nothing does, or there are none
     * @param arm whether this dump is to be a parent, so that marks are set anew
     */
    default void begin(Optional<jcriu_track> parent, boolean arm) {}

    /**
     * What a dump will copy of a task, as far as that can be told while it runs.
     *
     * @param bytes about how many will not be left to the parent, rather less than more: so much
     *     room is made before the tree is stopped, and a disk that has none for what never comes
     *     would be full for nothing
     * @param pages which they are, where that is known
     */
    record Expected(long bytes, Optional<Runs> pages) {}

    /**
     * Says it, before the tree is stopped.
     *
     * @param vmas as for {@link #attach}
     * @param present pages that the task has
     * @param parent its pages in the parent images
     */
    default Expected expected(
            int pid, List<MapsVma> vmas, Runs present, PageRead parent, Workers workers) {
        long bytes = ContentCheck.expectedBytes(source(pid, true), present, parent, workers);
        return new Expected(bytes, Optional.empty());
    }

    /**
     * What it takes to ask of a stopped task; on the tracer's thread.
     *
     * @param vmas all mappings that may hold private pages, with their flags
     */
    default void attach(FrozenTask task, List<MapsVma> vmas) {}

    /**
     * Reads the marks of a stopped task, and sets them anew. On any thread; tasks side by side.
     *
     * @param vmas as before
     * @param pages finds the pages of a mapping
     * @param scan of the task
     * @return the pages that the task has
     */
    default Runs look(int pid, List<MapsVma> vmas, Pages pages, PagemapScan scan) {
        Runs present = new Runs();
        vmas.forEach(vma -> pages.find(vma, scan, present));
        return present;
    }

    /** Which pages of a mapping are the task's own, and are saved. */
    interface Pages {
        /** Appends them. */
        void find(MapsVma vma, PagemapScan scan, Runs into);
    }

    /**
     * The part of {@code present} whose content is the parent's.
     *
     * @param present pages that the task has
     * @param running whether the task runs meanwhile, so that pages may go
     * @param parent its pages in the parent images; what is not there is not the same
     */
    Runs unchanged(int pid, Runs present, PageRead parent, Workers workers, boolean running);

    /**
     * How the content of a task's pages is read.
     *
     * @param running whether the task runs meanwhile; pages that it has given up are zero then
     */
    default PageXfer.Source source(int pid, boolean running) {
        return running
                ? (start, to, length) -> PagesOut.readWhatIsThere(pid, start, to, length)
                : new PageXfer.Source() {
                    @Override
                    public void read(long start, long to, long length) {
                        RemoteMemory.read(pid, start, to, length);
                    }

                    @Override
                    public void read(Runs pages, long to) {
                        RemoteMemory.read(pid, pages, to);
                    }
                };
    }

    /**
     * What the images must say, so that the next dump can believe the marks; empty: nothing. Asked
     * for once.
     */
    default Optional<jcriu_track> round() {
        return Optional.empty();
    }

    /** The images are complete: marks stay, without us, until the next dump. */
    default void keep() {}

    /** What is compared by content although marks were asked for, and why, in whole sentences. */
    default List<String> fallbacks() {
        return List.of();
    }

    /** Takes away what was set up for a round that {@link #keep} was not said of. */
    @Override
    default void close() {}
}
