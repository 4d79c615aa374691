package jcriu.memory;

import static jcriu.kernel.FileConstants.O_RDWR;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import jcriu.kernel.Syscall;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Files of tmpfs stand for shared objects, which are such. Of 16 pages the even ones are there. */
class ObjectPagesTest {
    private static final int PAGE = 4096;
    private static final Path SHM = Path.of("/dev/shm");

    private final List<Path> files = new ArrayList<>();
    private final List<Fd> objects = new ArrayList<>();

    @BeforeEach
    void requireTmpfs() throws IOException {
        assumeTrue(
                Files.isDirectory(SHM) && Files.getFileStore(SHM).type().equals("tmpfs"),
                "no tmpfs");
    }

    @AfterEach
    void removeFiles() throws IOException {
        objects.forEach(Fd::close);
        for (Path file : files) {
            Files.delete(file);
        }
    }

    private Fd object() throws IOException {
        Path file = Files.createTempFile(SHM, "jcriu", ".object");
        files.add(file);
        Fd object = Fd.open(file.toString(), O_RDWR);
        objects.add(object);
        Native.check(Native.call(Syscall.FTRUNCATE, object.number(), 16 * PAGE), "truncate");
        for (int page = 0; page < 16; page += 2) {
            write(object, page);
        }
        return object;
    }

    /** A page that was read can be written without a mark. */
    private static void write(Fd object, int page) {
        try (FileChannel channel =
                FileChannel.open(
                        Path.of(object.name()),
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            MappedByteBuffer at =
                    channel.map(FileChannel.MapMode.READ_WRITE, (long) page * PAGE, PAGE);
            at.put(0, (byte) (at.get(0) + 1));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static void punch(Fd object, int page) {
        Runs runs = new Runs();
        runs.add((long) page * PAGE, (page + 1L) * PAGE);
        new Holes().punch(Path.of(object.name()), runs);
    }

    private static void allocate(Fd object, int page) {
        Native.check(
                Native.call(Syscall.FALLOCATE, object.number(), 0, (long) page * PAGE, (long) PAGE),
                "allocate");
    }

    private static void cut(Fd object, int pages) {
        Native.check(
                Native.call(Syscall.FTRUNCATE, object.number(), (long) pages * PAGE), "truncate");
    }

    private static String of(Runs runs) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < runs.size(); i++) {
            for (long at = runs.start(i); at < runs.end(i); at += PAGE) {
                text.append(at / PAGE).append(' ');
            }
        }
        return text.toString();
    }

    /** What happens to an object, and the pages that it has then. */
    private record Change(Consumer<Fd> what, String pages) {}

    @Test
    void shouldKnowWhatAnObjectHoldsWhateverHappens() throws Exception {
        List<Change> changes =
                List.of(
                        new Change(fd -> {}, "0 2 4 6 8 10 12 14 "),
                        new Change(fd -> write(fd, 2), "0 2 4 6 8 10 12 14 "),
                        new Change(fd -> write(fd, 5), "0 2 4 5 6 8 10 12 14 "),
                        new Change(fd -> punch(fd, 4), "0 2 6 8 10 12 14 "),
                        new Change(
                                fd -> {
                                    punch(fd, 4);
                                    write(fd, 7);
                                },
                                "0 2 6 7 8 10 12 14 "),
                        new Change(fd -> cut(fd, 8), "0 2 4 6 "),
                        new Change(
                                fd -> {
                                    cut(fd, 14);
                                    cut(fd, 16);
                                    write(fd, 15);
                                },
                                "0 2 4 6 8 10 12 15 "));
        for (int i = 0; i < changes.size(); i++) {
            object();
        }
        Fd allocated = object();
        allocate(allocated, 9);
        Thread.sleep(200);
        for (int i = 0; i < changes.size(); i++) {
            Fd object = objects.get(i);
            ObjectPages before = ObjectPages.of(object);
            changes.get(i).what.accept(object);
            ObjectPages now = before.now(object);
            assertEquals(changes.get(i).pages, of(now.used()), "change " + i);
            if (i == 0) {
                assertSame(before, now); // not looked for again
            }
        }
        ObjectPages before = ObjectPages.of(allocated);
        long blocks = FileStat.of(allocated.procPath()).blocks();
        write(allocated, 9);
        assertEquals(blocks, FileStat.of(allocated.procPath()).blocks());
        assertEquals("0 2 4 6 8 9 10 12 14 ", of(before.now(allocated).used()));
    }

    /** Within one tick of the clock the times may be the same. */
    @Test
    void shouldNotTrustTimesThatAreNotOver() throws IOException {
        Fd object = object();
        ByteBuffer one = ByteBuffer.allocate(1);
        try (FileChannel channel = FileChannel.open(files.get(0), StandardOpenOption.WRITE)) {
            channel.write(one, PAGE);
        }
        ObjectPages before = ObjectPages.of(object);
        assertNotSame(before, before.now(object));
    }
}
