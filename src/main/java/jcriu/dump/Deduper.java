package jcriu.dump;

import java.nio.file.Path;
import java.util.List;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.image.ImageDir;
import jcriu.memory.ChainLock;
import jcriu.memory.Holes;
import jcriu.proc.Status;
import jcriu.store.Dedup;
import jcriu.store.Link;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes superseded pages out of the parents of a checkpoint: {@code jcriu dedup}. */
public final class Deduper {
    private static final Logger LOG = LoggerFactory.getLogger("dedup");

    private Deduper() {}

    /**
     * Takes out of the parents what the images have in its place.
     *
     * @param dryRun only says what would go
     * @throws JcriuException with a chain that can be restored from its newest checkpoint as before
     */
    public static Dedup.Report dedup(Path imagesDir, boolean dryRun) {
        return dedup(imagesDir, dryRun, true);
    }

    /**
     * The same.
     *
     * @param wait for a while, until nobody reads these images
     */
    private static Dedup.Report dedup(Path imagesDir, boolean dryRun, boolean wait) {
        int user = Status.read((int) ProcessHandle.current().pid()).uids()[1];
        ImageDir images = new ImageDir(imagesDir).trusting(user);
        ChainLock lock = null;
        try {
            lock = dryRun ? ChainLock.shared(images) : ChainLock.exclusive(images, wait);
            Interruption.check();
            Dedup.Report report = Dedup.run(images, new Holes(), dryRun);
            report.notes().forEach(LOG::warn);
            return report;
        } catch (RuntimeException e) {
            throw JcriuException.of(e)
                    .withTargetState(
                            "the newest checkpoint of the chain is as good as before;"
                                    + " dedup may have done a part of its work");
        } finally {
            if (lock != null) {
                lock.close();
            }
        }
    }

    /**
     * Makes one chain of full dumps: pages that the one before has, too, are left to it.
     *
     * @param imagesDirs the oldest first
     * @param dryRun only says what would be given back
     * @throws JcriuException with dumps each of which can be restored as before
     */
    public static Dedup.Report link(List<Path> imagesDirs, boolean dryRun) {
        int user = Status.read((int) ProcessHandle.current().pid()).uids()[1];
        List<ImageDir> dumps =
                imagesDirs.stream().map(dir -> new ImageDir(dir).trusting(user)).toList();
        ChainLock lock = null;
        try {
            lock = dryRun ? ChainLock.shared(dumps) : ChainLock.exclusive(dumps);
            Interruption.check();
            return Link.run(dumps, new Holes(), dryRun);
        } catch (RuntimeException e) {
            throw JcriuException.of(e)
                    .withTargetState(
                            "every dump can be restored as before;"
                                    + " some of them may be linked already");
        } finally {
            if (lock != null) {
                lock.close();
            }
        }
    }

    /** Gives back what a new dump supersedes, which is complete whatever becomes of it. */
    static void afterDump(Path imagesDir) {
        try {
            Dedup.Report report = dedup(imagesDir, false, false);
            LOG.info("{} pages given back by the parents", report.pages());
        } catch (JcriuException e) {
            LOG.warn(
                    "the dump is complete; its parents keep pages that they need not: {}; jcriu"
                            + " dedup -D {} tries again",
                    e.what(),
                    imagesDir);
        }
    }
}
