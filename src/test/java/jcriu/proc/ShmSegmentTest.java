package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.api.Test;

class ShmSegmentTest {
    private static final String CAPTURED =
            """
                   key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
            -731604685         77   644                  4096  8182     0      0     0     0     0     0          0          0 1795774638                     0                     0
                     0      32770  3600               1053576  8200  8201      5  1001  1002     0 4294967294 1795774639 1795774640 1795774638               1056768                     0
            """;

    @Test
    void shouldTakeEveryField() {
        assertEquals(
                Map.of(
                        77, new ShmSegment(-731604685, 77, 0644, 4096, 0, 0, 0, 0, 0, 0),
                        32770,
                                new ShmSegment(
                                        0, 32770, 03600, 1053576, 8201, 5, 1001, 1002, 0, -2)),
                ShmSegment.parse(ProcText.bytes(CAPTURED), ProcText.length(CAPTURED)));
    }
}
