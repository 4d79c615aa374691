package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.TaskGoneException;
import org.junit.jupiter.api.Test;

class StatTest {
    private static final String CAPTURED =
            "4368 (a) b\n(c) S 4359 4358 2582 0 -1 4194560 87 2390 0 1 0 0 2 0 20 -5 3 0 87077"
                    + " 2551808 364 18446744073709551615 93902146768896 93902146771161"
                    + " 140720370327584 11 12 0 65536 6 0 1 0 0 17 1 50 2 0 0 0 93902146780624"
                    + " 93902146781432 93902213558272 140720370330158 140720370330168"
                    + " 140720370330169 140720370331630 256\n";

    private static Stat parse(String text) {
        return Stat.parse(ProcText.bytes(text), ProcText.length(text));
    }

    @Test
    void shouldTakeEveryFieldByItsNumberInTheManual() {
        Stat stat = parse(CAPTURED);
        assertEquals(
                new Stat(
                        4368,
                        "a) b\n(c",
                        'S',
                        4359,
                        4358,
                        2582,
                        0,
                        -1,
                        4194560,
                        20,
                        -5,
                        3,
                        87077,
                        93902146768896L,
                        93902146771161L,
                        140720370327584L,
                        11,
                        12,
                        17,
                        1,
                        50,
                        2,
                        93902146780624L,
                        93902146781432L,
                        93902213558272L,
                        140720370330158L,
                        140720370330168L,
                        140720370330169L,
                        140720370331630L,
                        256),
                stat);
    }

    @Test
    void shouldEndCommAtTheLastParenthesis() {
        assertEquals("a) b (c", parse("7 (a) b (c) Z 1 7").comm());
        assertEquals("", parse("7 () R 1 7").comm());
        assertEquals(") S 1 2", parse("7 () S 1 2) R 1 7").comm());
        assertTrue(parse("7 (a) b (c) Z 1 7").isZombie());
    }

    @Test
    void shouldLeaveFieldsAtZeroThatAnOldKernelDoesNotPrint() {
        Stat stat = parse("7 (x) R 1 7\n");
        assertEquals(7, stat.pgrp());
        assertEquals(0, stat.exitCode());
    }

    @Test
    void shouldCallTextWithoutCommADefect() {
        JcriuException e = assertThrows(JcriuException.class, () -> parse("7 (x"));
        assertEquals(Kind.INTERNAL, e.kind());
        assertThrows(JcriuException.class, () -> parse(""));
    }

    @Test
    void shouldReadOurselves() {
        int pid = (int) ProcessHandle.current().pid();
        Stat stat = Stat.read(pid);
        assertEquals(pid, stat.pid());
        assertEquals(ProcessHandle.current().parent().orElseThrow().pid(), stat.ppid());
        assertTrue(stat.numThreads() > 1);
        assertEquals(stat.startTime(), Stat.readThread(pid, pid).startTime());
    }

    @Test
    void shouldSayWhichTaskIsGone() {
        TaskGoneException e =
                assertThrows(TaskGoneException.class, () -> Stat.read(Integer.MAX_VALUE));
        assertTrue(e.what().contains("task 2147483647 is gone"), e.what());
        int pid = (int) ProcessHandle.current().pid();
        e = assertThrows(TaskGoneException.class, () -> Stat.readThread(pid, 2147483646));
        assertTrue(e.what().contains("task 2147483646 is gone"), e.what());
    }
}
