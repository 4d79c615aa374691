package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import jcriu.errors.JcriuException;
import jcriu.proc.PosixTimers.Timer;
import org.junit.jupiter.api.Test;

class PosixTimersTest {
    private static final String CAPTURED =
            """
            ID: 7
            signal: 10/00000000000055aa
            notify: none/pid.4368
            ClockID: 1
            ID: 1
            signal: 10/ffffffffffffffff
            notify: signal/tid.4370
            ClockID: -6
            ID: 0
            signal: 34/00000000000055aa
            notify: signal/pid.4368
            ClockID: 0
            """;

    private static List<Timer> parse(String text) {
        return PosixTimers.parse(ProcText.bytes(text), ProcText.length(text));
    }

    @Test
    void shouldSortTimersById() {
        assertEquals(
                List.of(
                        new Timer(0, 34, 0x55aa, PosixTimers.SIGEV_SIGNAL, 4368, 0),
                        new Timer(1, 10, -1, PosixTimers.SIGEV_THREAD_ID, 4370, -6),
                        new Timer(7, 10, 0x55aa, PosixTimers.SIGEV_NONE, 4368, 1)),
                parse(CAPTURED));
    }

    @Test
    void shouldPassOverLinesOfALaterKernel() {
        assertEquals(3, parse(CAPTURED.replace("ClockID: 1\n", "ClockID: 1\nMore: 5\n")).size());
    }

    @Test
    void shouldTakeNoTextAsNoTimers() {
        assertEquals(List.of(), parse(""));
        assertEquals(List.of(), PosixTimers.read((int) ProcessHandle.current().pid()));
    }

    @Test
    void shouldRejectAnUnknownNotification() {
        assertThrows(JcriuException.class, () -> parse(CAPTURED.replace("none/pid", "pigeon/pid")));
    }
}
