package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import jcriu.errors.EnvironmentException;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** flock(2) tells descriptors apart, not processes: one process can be both sides. */
class ChainLockTest {
    @TempDir Path directory;

    private ImageDir trunk;
    private ImageDir newest;
    private ImageDir branch;

    @BeforeEach
    void makeImages() throws IOException {
        trunk = images("trunk", null);
        newest = images("newest", "../trunk");
        branch = images("branch", "../trunk");
    }

    private ImageDir images(String name, String parent) throws IOException {
        Path images = Files.createDirectory(directory.resolve(name));
        Files.writeString(images.resolve("inventory.img"), name);
        if (parent != null) {
            Files.createSymbolicLink(images.resolve("parent"), Path.of(parent));
        }
        return new ImageDir(images);
    }

    private static void requireBusy(ImageDir images, ImageDir busy) {
        EnvironmentException refused =
                assertThrows(EnvironmentException.class, () -> ChainLock.exclusive(images, false));
        assertTrue(refused.what().startsWith(busy.directory() + " is in use by "), refused.what());
    }

    @Test
    void shouldTakeNoPagesFromWhoReadsThem() {
        ChainLock reader = ChainLock.shared(branch);
        ChainLock other = ChainLock.shared(newest);
        requireBusy(branch, branch);
        other.close();
        requireBusy(newest, trunk);
        reader.close();
        ChainLock.exclusive(newest, false).close();
    }

    @Test
    void shouldTakePagesOutOnceAtATime() {
        ChainLock first = ChainLock.exclusive(newest, false);
        requireBusy(newest, newest);
        requireBusy(trunk, trunk);
        first.close();
        ChainLock.exclusive(trunk, false).close();
    }

    @Test
    void shouldHoldNothingWhenRefused() {
        ChainLock reader = ChainLock.shared(trunk);
        requireBusy(newest, trunk);
        reader.close();
        ChainLock.exclusive(newest, false).close();
    }

    @Test
    void shouldWriteOnceAtATimeWhatNobodyReads() throws IOException {
        ChainLock writer = ChainLock.writing(newest);
        EnvironmentException refused =
                assertThrows(EnvironmentException.class, () -> ChainLock.writing(newest));
        assertEquals(
                newest.directory() + " is in use by process " + ProcessHandle.current().pid(),
                refused.what());
        assertTrue(refused.hint().contains("a directory of its own"), refused.hint());
        requireBusy(newest, newest);
        ChainLock.writing(branch).close(); // its parent is not written
        writer.close();
        AtomicBoolean ended = new AtomicBoolean();
        ChainLock reader = ChainLock.shared(newest);
        CompletableFuture<Void> end =
                CompletableFuture.runAsync(
                        () -> {
                            assertFalse(ended.get(), "the writer did not wait");
                            reader.close();
                        },
                        CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS));
        ChainLock.writing(newest).close();
        ended.set(true);
        end.join();
        Files.delete(newest.path(ImageType.INVENTORY));
        writer = ChainLock.writing(newest);
        assertThrows(EnvironmentException.class, () -> ChainLock.writing(newest));
        writer.close();
    }

    /** Both go back to the same parent, which is locked once. */
    @Test
    void shouldLockSeveralDumpsAtOnce() {
        ChainLock linker = ChainLock.exclusive(List.of(trunk, newest, branch));
        requireBusy(trunk, trunk);
        requireBusy(newest, newest);
        requireBusy(branch, branch);
        linker.close();
        ChainLock.shared(List.of(newest, branch)).close();
        ChainLock.exclusive(trunk, false).close();
    }

    @Test
    void shouldNameWhoIsInTheWay() {
        ChainLock reader = ChainLock.shared(trunk);
        EnvironmentException refused =
                assertThrows(EnvironmentException.class, () -> ChainLock.exclusive(trunk, false));
        assertEquals(
                trunk.directory() + " is in use by process " + ProcessHandle.current().pid(),
                refused.what());
        assertTrue(refused.hint().contains("wait until it has ended"), refused.hint());
        reader.close();
    }

    @Test
    void shouldWaitForWhoIsAlmostDone() {
        ChainLock first = ChainLock.exclusive(newest, false);
        CompletableFuture<Void> end =
                CompletableFuture.runAsync(
                        first::close,
                        CompletableFuture.delayedExecutor(200, TimeUnit.MILLISECONDS));
        ChainLock.shared(branch).close();
        end.join();
    }

    /** The pages are the same files. */
    @Test
    void shouldKnowACopyMadeOfHardLinks() throws IOException {
        Path copy = Files.createDirectory(directory.resolve("copy"));
        Files.createLink(copy.resolve("inventory.img"), trunk.directory().resolve("inventory.img"));
        ChainLock reader = ChainLock.shared(new ImageDir(copy));
        requireBusy(trunk, trunk);
        reader.close();
    }

    /** Whoever reads them says what is wrong with them. */
    @Test
    void shouldLeaveBrokenChainsToTheirReaders() throws IOException {
        Files.createSymbolicLink(trunk.directory().resolve("parent"), Path.of("../newest"));
        ChainLock.exclusive(newest, false).close();
        Files.delete(branch.directory().resolve("parent"));
        Files.createSymbolicLink(branch.directory().resolve("parent"), Path.of("../nowhere"));
        ChainLock.exclusive(branch, false).close();
        for (String gone : List.of("newest", "trunk")) {
            Files.delete(directory.resolve(gone).resolve("inventory.img"));
        }
        ChainLock.exclusive(newest, false).close();
    }
}
