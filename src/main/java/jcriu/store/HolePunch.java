package jcriu.store;

import java.nio.file.Path;
import jcriu.image.DiskSteps;

/** Gives pages of a file back to the file system; the file keeps its size. */
public interface HolePunch extends DiskSteps {
    /** Whether the file system of a pages file can do that. Nothing changes. */
    boolean supported(Path pages);

    /** The parts of {@code offsets} that take space now. */
    Runs data(Path pages, Runs offsets);

    /** Makes holes there; what is one already, stays one. */
    void punch(Path pages, Runs offsets);
}
