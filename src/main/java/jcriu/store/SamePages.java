package jcriu.store;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import jcriu.errors.Interruption;
import jcriu.image.ImageDir;
import jcriu.progress.Progress;

/**
 * Finds the pages that a dump has stored although another has the same at the same place. Digests
 * say which cannot be the same; of the rest every byte is compared.
 */
final class SamePages {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final int CHUNK = 256 << 10;

    private final byte[] ours = new byte[CHUNK];
    private final byte[] theirs = new byte[CHUNK];
    private final Runs same = new Runs();

    private SamePages() {}

    /**
     * Compares the pages of a target.
     *
     * @return those in the pages file of {@code dump} that need not be there
     * @throws jcriu.errors.ImageFormatException if either cannot be read in full; where pages have
     *     digests, also if one that is read is damaged
     */
    static Runs of(ImageDir dump, ImageDir other, PageTarget target) {
        SamePages pages = new SamePages();
        try (ChainRead ours = ChainRead.open(dump, target).orElseThrow()) {
            Optional<ChainRead> theirs = ChainRead.open(other, target);
            if (theirs.isPresent()) {
                try (ChainRead read = theirs.get()) {
                    pages.compare(ours, read);
                }
            }
        }
        return pages.same;
    }

    private void compare(ChainRead dump, ChainRead other) {
        Runs both = dump.pagemap().present().and(other.runs());
        for (int i = 0; i < both.size(); i++) {
            for (long at = both.start(i); at < both.end(i); at += CHUNK) {
                Interruption.check();
                int length = (int) Math.min(CHUNK, both.end(i) - at);
                dump.read(at, ByteBuffer.wrap(ours, 0, length));
                Runs perhaps = new Runs();
                other.compare(at, ByteBuffer.wrap(ours, 0, length), PageDigests::of, perhaps);
                for (int j = 0; j < perhaps.size(); j++) {
                    int from = (int) (perhaps.start(j) - at);
                    compareBytes(perhaps.start(j), from, (int) (perhaps.end(j) - at), other);
                }
                Progress.step(length);
            }
        }
    }

    private void compareBytes(long page, int from, int to, ChainRead other) {
        other.read(page, ByteBuffer.wrap(theirs, from, to - from));
        for (int at = from; at < to; at += PAGE, page += PAGE) {
            if (Arrays.equals(ours, at, at + PAGE, theirs, at, at + PAGE)) {
                same.add(page, page + PAGE);
            }
        }
    }
}
