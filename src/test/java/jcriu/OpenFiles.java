package jcriu;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** Descriptors of the tests' own virtual machine. */
public final class OpenFiles {
    private OpenFiles() {}

    /** How many lead to files below a directory. */
    public static long below(Path directory) {
        try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"))) {
            return descriptors.filter(fd -> leadsBelow(fd, directory)).count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static boolean leadsBelow(Path fd, Path directory) {
        try {
            return Files.readSymbolicLink(fd).startsWith(directory);
        } catch (IOException e) {
            return false; // closed meanwhile
        }
    }
}
