package jcriu.store;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcriu.errors.ImageFormatException;
import jcriu.image.DiskSteps;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.PagemapFlags;
import jcriu.image.proto.pagemap_entry;
import jcriu.image.proto.pagemap_head;

/**
 * A pagemap image: which pages of a task, or a shared object, are in which pages file.
 *
 * <p>No offset is stored: the pages of a present run begin where those of the present run before it
 * end. So the order of the runs is part of the data.
 *
 * @param pagesId N of {@code pages-N.img}, unsigned
 * @param runs ascending, not overlapping
 */
public record Pagemap(int pagesId, List<PagemapRun> runs) {
    private static final int PAGE_SIZE = PagemapRun.PAGE_SIZE;
    private static final int KNOWN_FLAGS =
            PagemapFlags.PARENT | PagemapFlags.LAZY | PagemapFlags.PRESENT;

    /** No address space has more pages, and their number of bytes fits a long. */
    private static final long MAX_PAGES = 1L << 50;

    /**
     * Reads a pagemap and checks every run: order, alignment, counts, flags, that the pages file
     * holds what it should, and that there is a parent if one is needed. What the parent holds is
     * for the reader of its pagemap to check.
     *
     * @return nothing if the image does not exist
     * @throws ImageFormatException naming file, run and offset
     */
    public static Optional<Pagemap> read(ImageDir images, ImageType type, long id) {
        if (!images.exists(type, id)) {
            return Optional.empty();
        }
        String file = type.fileName(id);
        try (ImageReader in = images.reader(type, id)) {
            int pagesId = in.requireNext(pagemap_head.parser()).getPagesId();
            Path pages = images.path(ImageType.PAGES, pagesId);
            long pagesBytes = images.sizeOf(pages);
            List<PagemapRun> runs = new ArrayList<>();
            long offset = 0;
            long previousEnd = 0;
            long at = in.position();
            Optional<pagemap_entry> next;
            while ((next = in.next(pagemap_entry.parser())).isPresent()) {
                PagemapRun run = run(next.get(), offset);
                String fault = fault(run, previousEnd);
                if (fault == null && run.present()) {
                    offset += run.lengthBytes();
                    if (offset > pagesBytes) {
                        fault =
                                "needs "
                                        + offset
                                        + " bytes of "
                                        + pages.getFileName()
                                        + ", which "
                                        + (pagesBytes < 0 ? "is missing" : "has " + pagesBytes);
                    }
                }
                if (fault == null && run.inParent() && images.parent().isEmpty()) {
                    fault = "is in a parent image, but the directory has no parent link";
                }
                if (fault != null) {
                    throw new ImageFormatException(file, at, describe(runs.size(), run) + fault);
                }
                previousEnd = run.end();
                runs.add(run);
                at = in.position();
            }
            return Optional.of(new Pagemap(pagesId, runs));
        }
    }

    /** What is wrong with a run that follows {@code previousEnd}, or null. */
    private static String fault(PagemapRun run, long previousEnd) {
        if (run.vaddr() % PAGE_SIZE != 0) {
            return "is not page-aligned";
        }
        if (run.nrPages() <= 0 || run.nrPages() > MAX_PAGES) {
            return "has an impossible length";
        }
        if (run.vaddr() < 0 || run.end() < 0) {
            return "goes past the end of any address space";
        }
        if (run.vaddr() < previousEnd) {
            return "is out of order or overlaps the one before";
        }
        if ((run.flags() & ~KNOWN_FLAGS) != 0) {
            return "has unknown flags 0x" + Integer.toHexString(run.flags());
        }
        if (run.present() && run.inParent()) {
            return "is both here and in the parent image";
        }
        return null;
    }

    private static String describe(int index, PagemapRun run) {
        return "run "
                + index
                + " (0x"
                + Long.toHexString(run.vaddr())
                + ", "
                + Long.toUnsignedString(run.nrPages())
                + " pages) ";
    }

    /**
     * Old images: without {@code nr_pages} the 32-bit count holds, and without {@code flags} a run
     * is here unless {@code in_parent} says otherwise.
     */
    private static PagemapRun run(pagemap_entry entry, long offset) {
        long nrPages =
                entry.hasNrPages() ? entry.getNrPages() : entry.getCompatNrPages() & 0xffffffffL;
        int flags = entry.getFlags();
        if (entry.getInParent()) {
            flags |= PagemapFlags.PARENT;
        } else if (!entry.hasFlags()) {
            flags = PagemapFlags.PRESENT;
        }
        boolean present = (flags & PagemapFlags.PRESENT) != 0;
        return new PagemapRun(entry.getVaddr(), nrPages, flags, present ? offset : -1);
    }

    /** The pages that are in the pages file. */
    Runs present() {
        Runs present = new Runs();
        for (PagemapRun run : runs) {
            if (run.present()) {
                present.add(run.vaddr(), run.end());
            }
        }
        return present;
    }

    /** How many bytes of the pages file the runs use. */
    public long presentBytes() {
        long bytes = 0;
        for (PagemapRun run : runs) {
            bytes += run.present() ? run.lengthBytes() : 0;
        }
        return bytes;
    }

    /**
     * Writes a pagemap; runs that touch and have the same flags become one. Counts that fit are
     * repeated in the field that CRIU before 4.2 reads.
     *
     * <p>Precondition: the runs are in the order of addresses, and a run that gives a {@code
     * pagesOffset} lies there. They are not sorted here, because the pages file already has their
     * order.
     */
    public void write(ImageDir images, ImageType type, long id) {
        List<PagemapRun> merged = merge();
        try (ImageWriter out = images.writer(type, id)) {
            write(merged, out);
        }
    }

    /** Puts this in the place of the pagemap that is there, and on the disk. */
    void replace(ImageDir images, PageTarget target, DiskSteps steps) {
        List<PagemapRun> merged = merge();
        images.replace(target.type(), out -> write(merged, out), steps, target.id());
    }

    private void write(List<PagemapRun> merged, ImageWriter out) {
        out.write(pagemap_head.newBuilder().setPagesId(pagesId).build());
        for (PagemapRun run : merged) {
            boolean fits = run.nrPages() <= 0xffffffffL;
            out.write(
                    pagemap_entry
                            .newBuilder()
                            .setVaddr(run.vaddr())
                            .setCompatNrPages(fits ? (int) run.nrPages() : 0)
                            .setFlags(run.flags())
                            .setNrPages(run.nrPages())
                            .build());
        }
    }

    private List<PagemapRun> merge() {
        List<PagemapRun> merged = new ArrayList<>();
        long offset = 0;
        PagemapRun last = null;
        for (int i = 0; i < runs.size(); i++) {
            PagemapRun run = runs.get(i);
            String fault = fault(run, last == null ? 0 : last.end());
            if (fault == null
                    && run.present()
                    && run.pagesOffset() >= 0
                    && run.pagesOffset() != offset) {
                fault = "lies at byte " + run.pagesOffset() + " of its pages, expected " + offset;
            }
            if (fault != null) {
                throw new IllegalArgumentException(describe(i, run) + fault);
            }
            offset += run.present() ? run.lengthBytes() : 0;
            if (last != null && last.end() == run.vaddr() && last.flags() == run.flags()) {
                last =
                        new PagemapRun(
                                last.vaddr(),
                                last.nrPages() + run.nrPages(),
                                last.flags(),
                                last.pagesOffset());
                merged.set(merged.size() - 1, last);
            } else {
                last = run;
                merged.add(run);
            }
        }
        return merged;
    }
}
