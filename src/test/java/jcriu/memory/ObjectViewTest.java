package jcriu.memory;

import static jcriu.kernel.FileConstants.*;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.kenai.jffi.MemoryIO;
import java.util.Optional;
import jcriu.kernel.Syscall;
import jcriu.store.PageXfer;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ObjectViewTest {
    private static final int PAGE = 4096;
    private final Workers workers = new Workers();
    private Fd object;

    @BeforeEach
    void make() {
        object = memfd();
    }

    @AfterEach
    void end() {
        object.close();
        workers.close();
    }

    private static Fd memfd() {
        try (NativeMemory name = NativeMemory.cString("object")) {
            Fd fd =
                    new Fd(
                            Native.check(
                                    Native.call(
                                            Syscall.MEMFD_CREATE,
                                            name.address(),
                                            MFD_ALLOW_SEALING),
                                    "memfd_create"),
                            "object");
            Native.check(Native.call(Syscall.FTRUNCATE, fd.number(), 8 * PAGE), "ftruncate");
            return fd;
        }
    }

    private void seal() {
        Native.check(
                Native.call(Syscall.FCNTL, object.number(), F_ADD_SEALS, F_SEAL_SHRINK), "seal");
    }

    private void write(int page, long value) {
        try (NativeMemory word = NativeMemory.allocate(8)) {
            word.putLong(0, value);
            object.writeFully(word.address(), 8, (long) page * PAGE);
        }
    }

    private Optional<ObjectView> view(int... pages) {
        Runs used = new Runs();
        for (int page : pages) {
            used.add((long) page * PAGE, (page + 1L) * PAGE);
        }
        return ObjectView.of(object, used, workers);
    }

    @Test
    void shouldShowWhatIsWrittenLater() {
        seal();
        write(1, 17);
        try (ObjectView view = view(1).orElseThrow()) {
            PageXfer.Source source = view.reading(object);
            write(1, 18);
            write(3, 19);
            MemoryIO memory = MemoryIO.getInstance();
            assertEquals(18, memory.getLong(source.address(PAGE, PAGE)));
            assertEquals(19, memory.getLong(source.address(2 * PAGE, 2 * PAGE) + PAGE));
        }
    }

    @Test
    void shouldNotMapWhatCanBeCutOff() {
        assertTrue(view(1).isEmpty());
    }

    @Test
    void shouldNotTouchHoles() {
        seal();
        write(1, 17);
        try (ObjectView view = view(1).orElseThrow()) {
            assertNotEquals(0, view.reading(object).address(0, 8 * PAGE));
            assertEquals(8, FileStat.of(object.procPath()).blocks(), "one page of 512-byte blocks");
        }
    }

    @Test
    void shouldNotShowAnotherObjectOrWhatCameBehindIt() {
        seal();
        try (Fd another = memfd();
                ObjectView view = view().orElseThrow()) {
            assertEquals(0, view.reading(another).address(0, PAGE));
            Native.check(Native.call(Syscall.FTRUNCATE, object.number(), 9 * PAGE), "ftruncate");
            assertEquals(0, view.reading(object).address(7 * PAGE, 2 * PAGE));
            assertNotEquals(0, view.reading(object).address(7 * PAGE, PAGE));
        }
    }
}
