package jcriu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** A running {@code src/test/c/shared.c}, which changes its memory when it is told to. */
final class SharedTarget implements AutoCloseable {
    static final int PAGES = 64;
    static final int PRIVATE = 0;
    static final int ANONYMOUS = 1;
    static final int MEMFD = 2;
    static final int SEGMENT = 3;
    private static final int AREAS = 4;

    /** What it can be told; the numbers are those of the program. */
    enum Way {
        WRITE(1),
        CHILD_WRITES_AND_DIES(2),
        CHILD_READS_WRITES_AND_DIES(3),
        SECOND_MAPPING(4),
        POPULATED_MAPPING(5),
        PWRITE(6),
        HOLE(7),
        REOPENED(8),
        STRANGER_MAPS_IT(9),
        STRANGER_ATTACHES_IT(10),
        RESIZE(11),
        ANOTHER(12),
        REMAPPED(13);

        final int number;

        Way(int number) {
            this.number = number;
        }
    }

    private final Path program;
    private final Path file;
    private final int pid;
    private final MappedByteBuffer words;

    private SharedTarget(Path program, Path file, int pid, MappedByteBuffer words) {
        this.program = program;
        this.file = file;
        this.pid = pid;
        this.words = words;
    }

    static SharedTarget start(Path program, Path directory) throws IOException {
        return start(program, directory, PAGES);
    }

    /** The same, with so many pages in each of its four areas. */
    static SharedTarget start(Path program, Path directory, int pages) throws IOException {
        Path file = Files.createTempFile(directory, "shared", ".words");
        Files.write(file, new byte[4096]);
        MappedByteBuffer words;
        try (FileChannel channel =
                FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            words = channel.map(FileChannel.MapMode.READ_WRITE, 0, 4096);
        }
        words.order(ByteOrder.nativeOrder());
        int pid = LiveTarget.detached(program + " " + file + " " + pages);
        LiveTarget.await("the target to be ready", () -> words.getLong(0) == 1);
        return new SharedTarget(program, file, pid, words);
    }

    int pid() {
        return pid;
    }

    /** The inode number of its memfd. */
    long inode() {
        return words.getLong(8 * 25);
    }

    boolean alive() {
        char state = LiveTarget.state(pid);
        return state != 'X' && state != 'Z';
    }

    /** Has pages of an area changed; it is done when this returns. */
    void change(Way way, int area, int page, long value) {
        words.putLong(8 * 3, way.number);
        words.putLong(8 * 4, area);
        words.putLong(8 * 5, page);
        words.putLong(8 * 6, value);
        if (way == Way.STRANGER_MAPS_IT || way == Way.STRANGER_ATTACHES_IT) {
            CCompiler.run(List.of(program.toString(), "stranger", file.toString(), "" + pid));
            return;
        }
        command();
    }

    private void command() {
        long given = words.getLong(8) + 1;
        words.putLong(8, given);
        LiveTarget.await("the command to be done", () -> words.getLong(8 * 2) == given);
        assertEquals(0, words.getLong(8 * 7));
    }

    /** Sums of the content of all areas. */
    List<Long> sums() {
        words.putLong(8 * 3, 0);
        command();
        List<Long> sums = new ArrayList<>();
        for (int i = 0; i < AREAS; i++) {
            sums.add(words.getLong(8 * (8 + i)));
        }
        return sums;
    }

    void kill() {
        LiveTarget.kill(pid, "KILL");
        LiveTarget.await("the end of " + pid, () -> !alive());
    }

    @Override
    public void close() {
        LiveTarget.kill(pid, "KILL");
    }
}
