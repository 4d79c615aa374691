package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import jcriu.errors.JcriuException;
import org.junit.jupiter.api.Test;

class LimitsTest {
    private static final String CAPTURED =
            """
            Limit                     Soft Limit           Hard Limit           Units    \s
            Max cpu time              60                   unlimited            seconds  \s
            Max file size             unlimited            unlimited            bytes    \s
            Max data size             unlimited            unlimited            bytes    \s
            Max stack size            8388608              unlimited            bytes    \s
            Max core file size        0                    unlimited            bytes    \s
            Max resident set          unlimited            unlimited            bytes    \s
            Max processes             96365                96366                processes\s
            Max open files            20000                20001                files    \s
            Max locked memory         8388608              8388608              bytes    \s
            Max address space         18446744073709551614 unlimited            bytes    \s
            Max file locks            unlimited            unlimited            locks    \s
            Max pending signals       96365                96365                signals  \s
            Max msgqueue size         819200               819200               bytes    \s
            Max nice priority         0                    7                   \s
            Max realtime priority     0                    99                  \s
            Max realtime timeout      950000               unlimited            us       \s
            """;

    private static Limits parse(String text) {
        return Limits.parse(ProcText.bytes(text), ProcText.length(text));
    }

    @Test
    void shouldOrderLimitsByNumber() {
        Limits limits = parse(CAPTURED);
        assertEquals(60, limits.soft(Limits.RLIMIT_CPU));
        assertEquals(Limits.RLIM_INFINITY, limits.hard(Limits.RLIMIT_CPU));
        assertEquals(8388608, limits.soft(Limits.RLIMIT_STACK));
        assertEquals(0, limits.soft(Limits.RLIMIT_CORE));
        assertEquals(96366, limits.hard(Limits.RLIMIT_NPROC));
        assertEquals(20001, limits.hard(Limits.RLIMIT_NOFILE));
        assertEquals(-2L, limits.soft(Limits.RLIMIT_AS));
        assertEquals(819200, limits.soft(Limits.RLIMIT_MSGQUEUE));
        assertEquals(7, limits.hard(Limits.RLIMIT_NICE));
        assertEquals(99, limits.hard(Limits.RLIMIT_RTPRIO));
        assertEquals(950000, limits.soft(Limits.RLIMIT_RTTIME));
        assertEquals(Limits.NR_LIMITS, limits.values().length);
    }

    @Test
    void shouldMissNoLimit() {
        String text = CAPTURED.replace("Max file locks ", "Max file lucks ");
        JcriuException e = assertThrows(JcriuException.class, () -> parse(text));
        assertTrue(e.what().contains("Max file locks"), e.what());
    }

    @Test
    void shouldReadOurselves() {
        Limits limits = Limits.read((int) ProcessHandle.current().pid());
        assertTrue(limits.soft(Limits.RLIMIT_NOFILE) > 0);
    }
}
