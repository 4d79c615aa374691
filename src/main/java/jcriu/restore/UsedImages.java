package jcriu.restore;

import jcriu.errors.JcriuException;
import jcriu.image.ImageDir;
import jcriu.memory.ChainLock;
import jcriu.memory.Holes;
import jcriu.store.Dedup;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Images that have been restored with --auto-dedup.
 *
 * <p>Their pages go when the tree runs on, and not earlier: until then every one may be wanted once
 * more, and half-restored tasks, which the kernel kills with us, would be the only ones to have it
 * (docs/adr/0014).
 */
final class UsedImages {
    private static final Logger LOG = LoggerFactory.getLogger("restore");

    private UsedImages() {}

    /** Takes the pages out. The tree runs: what fails here is worth a warning. */
    static void giveBack(ImageDir images) {
        try {
            Dedup.Report report = consume(images);
            report.notes().forEach(LOG::warn);
            LOG.info("{} pages given back by the images", report.pages());
        } catch (RuntimeException e) {
            LOG.warn(
                    "restored, and running on; images keep pages that they need not: {}; remove {}"
                            + " when nothing needs it any more",
                    JcriuException.of(e).what(),
                    images.directory());
        }
    }

    private static Dedup.Report consume(ImageDir images) {
        ChainLock lock = ChainLock.exclusive(images, false);
        try {
            return Dedup.consume(images, new Holes());
        } finally {
            lock.close();
        }
    }
}
