package jcriu.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.Manifest;

/**
 * Pages in a directory of images and its parents.
 *
 * <pre>
 *   newest     DDDDD   PPPPPPPPPPPP   DD          D: in this pages file   P: in the parent
 *   parent     DDDDD   DDD  PPPP DD               P may be split there in other ways
 *   oldest             ddd  DDDD
 *              -----   ---  ---- --   --          what {@link #open} resolves: one layer for each page
 * </pre>
 *
 * All pagemaps of the chain are read and checked when it is opened; a page that nobody has is an
 * error then, never zeros.
 */
public final class ChainRead implements PageRead {
    /** No chain is as long; a cycle that changes its names would be. */
    private static final int MAX_LAYERS = 100_000;

    /** One directory of the chain: where the target's pages are in its pages file. */
    private static final class Layer {
        final ImageDir images;
        final Pagemap pagemap;
        final Optional<Superseded> superseded;
        private PagesFile file;
        private Optional<PageDigests> digests;

        Layer(ImageDir images, Pagemap pagemap) {
            this.images = images;
            this.pagemap = pagemap;
            this.superseded = Superseded.read(images);
        }

        synchronized PagesFile file() {
            if (file == null) {
                file = PagesFile.open(images, pagemap);
            }
            return file;
        }

        synchronized Optional<PageDigests> digests() {
            if (digests == null) {
                digests = PageDigests.read(images, pagemap);
            }
            return digests;
        }

        synchronized void close() {
            if (file != null) {
                file.close();
                file = null;
            }
        }
    }

    /**
     * Pages that stand together in one pages file.
     *
     * @param pagesOffset of the first, in bytes
     */
    private record Piece(long start, long end, Layer layer, long pagesOffset) {}

    private final PageTarget target;
    private final boolean verify;
    private final List<Layer> layers = new ArrayList<>();
    private List<Piece> pieces = List.of();
    private final Runs runs = new Runs();

    private ChainRead(PageTarget target, boolean verify) {
        this.target = target;
        this.verify = verify;
    }

    /**
     * Opens the pages of a target.
     *
     * @return nothing if these images have no pagemap for it
     * @throws ImageFormatException naming file and page: a damaged pagemap, a pages file that is
     *     too short, a missing parent, a cycle of parents, or a page that no parent has
     */
    public static Optional<ChainRead> open(ImageDir images, PageTarget target) {
        ChainRead chain = new ChainRead(target, images.verifying());
        Optional<Pagemap> newest = Pagemap.read(images, target.type(), target.id());
        if (newest.isEmpty()) {
            return Optional.empty();
        }
        chain.readLayers(images, newest.get());
        chain.resolve();
        return Optional.of(chain);
    }

    /**
     * Checks that each parent is the checkpoint that its child was made on, not one that came under
     * its name later. Images without a manifest cannot tell.
     *
     * @throws ImageFormatException if one is not
     */
    public static void requireOwnParents(ImageDir newest) {
        Set<Path> seen = new HashSet<>();
        ImageDir child = newest;
        Optional<ImageDir> next = child.parent();
        while (next.isPresent() && seen.add(real(next.get()))) {
            ImageDir parent = next.get();
            Optional<UUID> expected = Manifest.read(child).flatMap(Manifest::parentId);
            if (expected.isPresent()
                    && parent.isComplete()
                    && !expected.equals(Manifest.read(parent).map(Manifest::id))) {
                throw (ImageFormatException)
                        new ImageFormatException(
                                        parent.directory().toString(),
                                        -1,
                                        "is not the checkpoint that "
                                                + child.directory()
                                                + " was made on")
                                .withHint(
                                        "put the directory of the earlier dump back in its place");
            }
            child = parent;
            next = child.parent();
        }
    }

    /** Reads as many pagemaps as there are runs left to a parent. */
    private void readLayers(ImageDir newest, Pagemap pagemap) {
        Set<Path> seen = new HashSet<>();
        ImageDir images = newest;
        layers.add(new Layer(images, pagemap));
        seen.add(real(images));
        while (hasParentRuns(pagemap)) {
            ImageDir child = images;
            // that there is a link, Pagemap.read has checked
            images = child.parent().orElseThrow();
            if (!seen.add(real(images)) || layers.size() == MAX_LAYERS) {
                throw new ImageFormatException(
                        child.directory().toString(), -1, "its parents lead back to itself");
            }
            images.inventory();
            ImageDir parent = images;
            pagemap =
                    Pagemap.read(parent, target.type(), target.id())
                            .orElseThrow(
                                    () ->
                                            new ImageFormatException(
                                                    parent.directory()
                                                            .resolve(target.fileName())
                                                            .toString(),
                                                    -1,
                                                    "is missing, and the images in "
                                                            + child.directory()
                                                            + " need pages of it"));
            layers.add(new Layer(parent, pagemap));
        }
    }

    private static boolean hasParentRuns(Pagemap pagemap) {
        for (PagemapRun run : pagemap.runs()) {
            if (run.inParent()) {
                return true;
            }
        }
        return false;
    }

    private static Path real(ImageDir images) {
        try {
            return images.directory().toRealPath();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + images.directory() + ": " + e, e);
        }
    }

    /** Oldest first: each layer takes what it lacks from the pieces of those before it. */
    private void resolve() {
        for (int i = layers.size() - 1; i >= 0; i--) {
            Layer layer = layers.get(i);
            List<Piece> resolved = new ArrayList<>();
            int at = 0;
            for (PagemapRun run : layer.pagemap.runs()) {
                if (run.present()) {
                    resolved.add(new Piece(run.vaddr(), run.end(), layer, run.pagesOffset()));
                } else if (run.inParent()) {
                    at = take(layer, run, at, resolved);
                } else if (i == 0) {
                    throw lacks(layer, run.vaddr(), "are left to a page server");
                }
            }
            pieces = resolved;
        }
        for (Piece piece : pieces) {
            runs.add(piece.start, piece.end);
        }
        layers.forEach(this::requireThere);
    }

    /** A hole reads as zeros: a page that dedup has taken out is refused. */
    private void requireThere(Layer layer) {
        if (layer.superseded.isEmpty()) {
            return;
        }
        Runs wanted = new Runs();
        for (Piece piece : pieces) {
            if (piece.layer == layer) {
                wanted.add(piece.start, piece.end);
            }
        }
        Runs lost = wanted.and(layer.superseded.get().of(target));
        if (!lost.isEmpty()) {
            throw layer.superseded.get().refusal(layer.images, target, lost.start(0));
        }
    }

    /** Copies the parts of {@link #pieces} that a run needs; returns where to look for the next. */
    private int take(Layer layer, PagemapRun run, int at, List<Piece> into) {
        long next = run.vaddr();
        while (at < pieces.size() && pieces.get(at).end <= next) {
            at++;
        }
        while (next < run.end()) {
            if (at == pieces.size() || pieces.get(at).start > next) {
                throw lacks(layer, next, "are in no parent image");
            }
            Piece piece = pieces.get(at);
            long end = Math.min(piece.end, run.end());
            into.add(new Piece(next, end, piece.layer, piece.pagesOffset + next - piece.start));
            next = end;
            if (end == piece.end) {
                at++;
            }
        }
        return at;
    }

    private ImageFormatException lacks(Layer layer, long page, String what) {
        return new ImageFormatException(
                layer.images.directory().resolve(target.fileName()).toString(),
                -1,
                "pages from 0x" + Long.toHexString(page) + " on " + what);
    }

    @Override
    public Runs runs() {
        return runs;
    }

    /** The pages that these images have themselves. */
    public Pagemap pagemap() {
        return layers.get(0).pagemap;
    }

    /** What is done with the part of a buffer that belongs to one piece. */
    private interface Visit {
        void part(Piece piece, long start, ByteBuffer part);
    }

    /** Cuts a buffer for the pages from {@code start} on into the parts of each piece. */
    private void visit(long start, ByteBuffer buffer, Visit visit) {
        int at = find(start);
        long next = start;
        int limit = buffer.limit();
        while (buffer.position() < limit) {
            Piece piece = at < pieces.size() ? pieces.get(at) : null;
            if (piece == null || piece.start > next || piece.end <= next) {
                throw lacks(layers.get(0), next, "are not there");
            }
            int length = (int) Math.min(limit - buffer.position(), piece.end - next);
            ByteBuffer part = buffer.duplicate();
            visit.part(piece, next, part.limit(part.position() + length));
            buffer.position(buffer.position() + length);
            next += length;
            at++;
        }
    }

    /** Where digests are, what was read is checked against them. */
    @Override
    public void read(long start, ByteBuffer to) {
        visit(
                start,
                to,
                (piece, from, part) -> {
                    long offset = piece.pagesOffset + from - piece.start;
                    PagesFile file = piece.layer.file();
                    file.read(offset, part.duplicate());
                    if (verify && piece.layer.digests().isPresent()) {
                        check(piece.layer.digests().get(), file, offset, from, part);
                    }
                });
    }

    private void check(
            PageDigests digests, PagesFile file, long offset, long start, ByteBuffer pages) {
        byte[] page = new byte[PagemapRun.PAGE_SIZE];
        while (pages.hasRemaining()) {
            pages.get(page);
            if (!digests.matches(offset / page.length, page)) {
                throw new ImageFormatException(
                        file.path().toString(),
                        offset,
                        "the page of "
                                + target
                                + " at 0x"
                                + Long.toHexString(start)
                                + " is damaged: its content is not what was dumped");
            }
            offset += page.length;
            start += page.length;
        }
    }

    @Override
    public void compare(long start, ByteBuffer pages, PageDigests.Hash hash, Runs same) {
        long[] ours = hash.of(pages); // in one go, however many layers the pages are in
        visit(
                start,
                pages,
                (piece, from, part) -> {
                    long offset = piece.pagesOffset + from - piece.start;
                    Optional<PageDigests> digests = piece.layer.digests();
                    if (digests.isPresent()) {
                        int first = (int) ((from - start) / PagemapRun.PAGE_SIZE);
                        compareDigests(digests.get(), offset, from, part, ours, first, same);
                    } else {
                        compareBytes(piece.layer.file(), offset, from, part, same);
                    }
                });
    }

    private static void compareDigests(
            PageDigests digests,
            long offset,
            long start,
            ByteBuffer part,
            long[] ours,
            int first,
            Runs same) {
        long position = offset / PagemapRun.PAGE_SIZE;
        int count = part.remaining() / PagemapRun.PAGE_SIZE;
        for (int i = 0; i < count; i++) {
            if (digests.matches(position + i, ours, first + i)) {
                long page = start + (long) i * PagemapRun.PAGE_SIZE;
                same.add(page, page + PagemapRun.PAGE_SIZE);
            }
        }
    }

    private static void compareBytes(
            PagesFile file, long offset, long start, ByteBuffer part, Runs same) {
        byte[] theirs = new byte[PagemapRun.PAGE_SIZE];
        byte[] ours = new byte[PagemapRun.PAGE_SIZE];
        for (long page = start; part.hasRemaining(); page += ours.length, offset += ours.length) {
            part.get(ours);
            file.read(offset, ByteBuffer.wrap(theirs));
            if (java.util.Arrays.equals(ours, theirs)) {
                same.add(page, page + ours.length);
            }
        }
    }

    /** The first piece that ends behind an address. */
    private int find(long address) {
        int low = 0;
        int high = pieces.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (pieces.get(middle).end <= address) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    @Override
    public void close() {
        layers.forEach(Layer::close);
    }
}
