package jcriu.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcriu.errors.ImageFormatException;
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
 * @param pagesId N of {@code pages-N.img}
 * @param runs ascending, not overlapping
 */
public record Pagemap(int pagesId, List<PagemapRun> runs) {
    private static final int PAGE_SIZE = PagemapRun.PAGE_SIZE;

    /**
     * Reads a pagemap and checks every run: order, alignment, counts, flags, and that the pages file
     * holds what it should.
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
            pagemap_head head =
                    in.next(pagemap_head.parser())
                            .orElseThrow(() -> new ImageFormatException(file, 8, "has no head"));
            Path pages = images.path(ImageType.PAGES, head.getPagesId());
            long pagesBytes = size(pages);
            List<PagemapRun> runs = new ArrayList<>();
            long offset = 0;
            long previousEnd = 0;
            while (true) {
                long at = in.position();
                Optional<pagemap_entry> next = in.next(pagemap_entry.parser());
                if (next.isEmpty()) {
                    break;
                }
                PagemapRun run = run(next.get(), offset);
                String what =
                        "run " + runs.size() + " (0x" + Long.toHexString(run.vaddr()) + ", "
                                + run.nrPages() + " pages) ";
                if (run.vaddr() % PAGE_SIZE != 0) {
                    throw new ImageFormatException(file, at, what + "is not page-aligned");
                }
                if (run.nrPages() <= 0 || run.nrPages() > 1L << 50) {
                    throw new ImageFormatException(file, at, what + "has an impossible length");
                }
                if (run.vaddr() < 0 || run.end() < 0 || run.vaddr() < previousEnd) {
                    throw new ImageFormatException(
                            file, at, what + "is out of order or overlaps the one before");
                }
                if ((run.flags() & ~7) != 0) {
                    throw new ImageFormatException(
                            file, at, what + "has unknown flags 0x" + Integer.toHexString(run.flags()));
                }
                if (run.present()) {
                    offset += run.lengthBytes();
                    if (offset > pagesBytes) {
                        throw new ImageFormatException(
                                file,
                                at,
                                what + "needs " + offset + " bytes of " + pages.getFileName()
                                        + ", which has " + pagesBytes);
                    }
                }
                previousEnd = run.end();
                runs.add(run);
            }
            return Optional.of(new Pagemap(head.getPagesId(), runs));
        }
    }

    private static PagemapRun run(pagemap_entry entry, long offset) {
        long nrPages =
                entry.hasNrPages() ? entry.getNrPages() : entry.getCompatNrPages() & 0xffffffffL;
        int flags =
                entry.hasFlags()
                        ? entry.getFlags()
                        : entry.getInParent() ? PagemapFlags.PARENT : PagemapFlags.PRESENT;
        boolean present = (flags & PagemapFlags.PRESENT) != 0;
        return new PagemapRun(entry.getVaddr(), nrPages, flags, present ? offset : -1);
    }

    private static long size(Path pages) {
        try {
            return Files.exists(pages) ? Files.size(pages) : 0;
        } catch (IOException e) {
            throw new ImageFormatException(pages.getFileName().toString(), -1, "cannot be read: " + e);
        }
    }

    /** Writes a pagemap. Counts that fit are repeated in the field that CRIU before 4.2 reads. */
    public void write(ImageDir images, ImageType type, long id) {
        try (ImageWriter out = images.writer(type, id)) {
            out.write(pagemap_head.newBuilder().setPagesId(pagesId).build());
            for (PagemapRun run : runs) {
                boolean fits = run.nrPages() <= 0xffffffffL;
                out.write(
                        pagemap_entry.newBuilder()
                                .setVaddr(run.vaddr())
                                .setCompatNrPages(fits ? (int) run.nrPages() : 0)
                                .setFlags(run.flags())
                                .setNrPages(run.nrPages())
                                .build());
            }
        }
    }
}
