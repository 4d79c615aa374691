package jcriu;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.proto.dump_stats_entry;
import jcriu.image.proto.jcriu_track;
import jcriu.image.proto.stats_entry;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What tests of chains of dumps have in common: a directory each, with the checkpoints in it. */
abstract class ChainCase {
    @TempDir static Path scratch;

    /** The chain of one test. */
    Path directory;

    @BeforeAll
    static void requireRoot() {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
    }

    @BeforeEach
    void makeDirectory() throws IOException {
        directory = Files.createTempDirectory(scratch, "chain");
    }

    /** The directory of one checkpoint, which is made. */
    String images(Object name) throws IOException {
        return Files.createDirectories(directory.resolve("" + name)).toString();
    }

    /** What a checkpoint says of the tracker that was set when it was made. */
    jcriu_track track(String name) {
        try (ImageReader in = new ImageDir(directory.resolve(name)).reader(ImageType.JCRIU_TRACK)) {
            return in.requireOne(jcriu_track.parser());
        }
    }

    static dump_stats_entry stats(String images) {
        try (ImageReader in = new ImageDir(Path.of(images)).reader(ImageType.STATS, "dump")) {
            return in.requireOne(stats_entry.parser()).getDump();
        }
    }
}
