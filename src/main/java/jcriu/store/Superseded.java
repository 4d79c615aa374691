package jcriu.store;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import jcriu.errors.ImageFormatException;
import jcriu.image.DiskSteps;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.jcriu_superseded;
import jcriu.image.proto.jcriu_superseded_pages;

/**
 * Which pages of a directory have left its pages files, or are about to: {@code
 * jcriu-superseded.img}. A hole reads as zeros; by this record it is known for a hole. It is on the
 * disk before the first page goes, so it may name pages that are still there, and never lacks one
 * that is not.
 *
 * @param by the directory of the checkpoint that has others in their place, relative to this one
 * @param restored they left with a restore of that checkpoint instead, and nobody has others
 * @param pages by whose they were; none if only pages of a parent, which this one needs, have left
 */
public record Superseded(String by, boolean restored, Map<PageTarget, Runs> pages) {
    private static final int PAGE = PagemapRun.PAGE_SIZE;

    /**
     * Reads the record of a directory.
     *
     * @return nothing if nothing has left it
     * @throws ImageFormatException if it is damaged: then nobody knows which pages are there
     */
    public static Optional<Superseded> read(ImageDir images) {
        if (!images.exists(ImageType.JCRIU_SUPERSEDED)) {
            return Optional.empty();
        }
        String file = ImageType.JCRIU_SUPERSEDED.fileName();
        Map<PageTarget, Runs> pages = new LinkedHashMap<>();
        try (ImageReader in = images.reader(ImageType.JCRIU_SUPERSEDED)) {
            jcriu_superseded head = in.requireNext(jcriu_superseded.parser());
            Optional<jcriu_superseded_pages> next;
            while ((next = in.next(jcriu_superseded_pages.parser())).isPresent()) {
                jcriu_superseded_pages entry = next.get();
                PageTarget target =
                        new PageTarget(
                                entry.getShared() ? ImageType.SHMEM_PAGEMAP : ImageType.PAGEMAP,
                                entry.getId());
                if (pages.put(target, runs(entry, file)) != null) {
                    throw new ImageFormatException(file, in.position(), "has " + target + " twice");
                }
            }
            return Optional.of(new Superseded(head.getBy(), head.getRestored(), pages));
        }
    }

    private static Runs runs(jcriu_superseded_pages entry, String file) {
        if (entry.getStartCount() != entry.getNrPagesCount()) {
            throw new ImageFormatException(file, -1, "has runs without a length");
        }
        Runs runs = new Runs();
        long previous = 0;
        for (int i = 0; i < entry.getStartCount(); i++) {
            long start = entry.getStart(i);
            long nrPages = entry.getNrPages(i);
            if (start % PAGE != 0
                    || start < previous
                    || nrPages <= 0
                    || nrPages > (Long.MAX_VALUE - start) / PAGE) {
                throw new ImageFormatException(
                        file, -1, "has an impossible run at 0x" + Long.toHexString(start));
            }
            previous = start + nrPages * PAGE;
            runs.add(start, previous);
        }
        return runs;
    }

    /** Puts the record in place, and on the disk. */
    void write(ImageDir images, DiskSteps steps) {
        images.replace(ImageType.JCRIU_SUPERSEDED, this::write, steps);
    }

    private void write(ImageWriter out) {
        jcriu_superseded.Builder head = jcriu_superseded.newBuilder().setBy(by);
        out.write((restored ? head.setRestored(true) : head).build());
        pages.forEach(
                (target, runs) -> {
                    jcriu_superseded_pages.Builder entry =
                            jcriu_superseded_pages
                                    .newBuilder()
                                    .setShared(target.type() == ImageType.SHMEM_PAGEMAP)
                                    .setId(target.id());
                    for (int i = 0; i < runs.size(); i++) {
                        entry.addStart(runs.start(i));
                        entry.addNrPages((runs.end(i) - runs.start(i)) / PAGE);
                    }
                    out.write(entry.build());
                });
    }

    /** The pages of a target that are not there any more. */
    public Runs of(PageTarget target) {
        return pages.getOrDefault(target, new Runs());
    }

    /** Says to whom they went, and what can still be done. */
    ImageFormatException refusal(ImageDir images, PageTarget target, long page) {
        String what =
                "pages from 0x"
                        + Long.toHexString(page)
                        + " on have left these images: "
                        + (restored
                                ? "a restore with --auto-dedup took them, of " + by
                                : "dedup left them to the later checkpoint " + by);
        String hint =
                restored
                        ? "restore a checkpoint that jcriu list calls restorable, or dump the"
                                + " restored tree anew, without --prev-images-dir"
                        : "restore, or dump upon, the newest checkpoint of the chain: this one"
                                + " cannot be restored any more";
        return (ImageFormatException)
                new ImageFormatException(
                                images.directory().resolve(target.fileName()).toString(), -1, what)
                        .withHint(hint + "; see docs/dedup.md");
    }
}
