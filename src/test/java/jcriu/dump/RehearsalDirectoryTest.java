package jcriu.dump;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RehearsalDirectoryTest {
    @TempDir private Path around;

    private Path leftBehind(String name) throws IOException {
        Path directory = Files.createDirectory(around.resolve(name));
        Files.writeString(directory.resolve("core-5.img"), "");
        return directory;
    }

    private long count() throws IOException {
        try (Stream<Path> files = Files.list(around)) {
            return files.count();
        }
    }

    @Test
    void shouldLeaveNothingBehind() throws IOException {
        try (RehearsalDirectory directory = RehearsalDirectory.make(around)) {
            Files.writeString(directory.path().resolve("inventory.img"), "");
        }
        assertEquals(0, count());
    }

    @Test
    void shouldTakeAwayWhatAKilledOneHasLeft() throws IOException {
        Path dead = leftBehind("jcriu-rehearsal4711");
        RehearsalDirectory.make(around).close();
        assertFalse(Files.exists(dead));
    }

    @Test
    void shouldLeaveThatOfALivingOneAlone() throws IOException {
        try (RehearsalDirectory living = RehearsalDirectory.make(around)) {
            Path file = Files.writeString(living.path().resolve("core-5.img"), "");
            RehearsalDirectory.make(around).close();
            assertTrue(Files.exists(file));
        }
    }

    @Test
    void shouldTouchNothingElse() throws IOException {
        Path elsewhere = leftBehind("elsewhere");
        Path link = Files.createSymbolicLink(around.resolve("jcriu-rehearsal1"), elsewhere);
        Path other = leftBehind("jcriu-rehearsals-of-mine");
        Path file = Files.writeString(around.resolve("jcriu-rehearsal2"), "");
        // what is below is no dump's: nothing is taken away but files, and links themselves
        Path deep = leftBehind("jcriu-rehearsal3");
        Files.createSymbolicLink(deep.resolve("parent"), elsewhere);
        Path inside = Files.createDirectory(deep.resolve("directory"));
        RehearsalDirectory.make(around).close();
        assertTrue(Files.exists(elsewhere.resolve("core-5.img")));
        assertTrue(Files.isSymbolicLink(link));
        assertTrue(Files.exists(other.resolve("core-5.img")));
        assertTrue(Files.exists(file));
        assertTrue(Files.exists(inside));
    }

    @Test
    void shouldLeaveThatOfAnotherUserAlone() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can give files away");
        Path foreign = leftBehind("jcriu-rehearsal5");
        Files.setAttribute(foreign, "unix:uid", 65534);
        RehearsalDirectory.make(around).close();
        assertTrue(Files.exists(foreign.resolve("core-5.img")));
    }
}
