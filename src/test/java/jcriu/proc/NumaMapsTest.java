package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.BitSet;
import java.util.Map;
import jcriu.proc.NumaMaps.Policy;
import org.junit.jupiter.api.Test;

class NumaMapsTest {
    private static BitSet nodes(int... numbers) {
        BitSet nodes = new BitSet();
        for (int number : numbers) {
            nodes.set(number);
        }
        return nodes;
    }

    @Test
    void shouldTellPoliciesWithTheirFlagsAndNodes() {
        Map<Long, Policy> policies =
                NumaMaps.parse(
                        """
                        1000 bind=balancing:0 anon=1 dirty=1 active=0 N0=1 kernelpagesize_kB=4
                        2000 prefer=static:1 anon=1 N0=1
                        3000 interleave=relative|balancing:0-1,4 file=/usr/lib/a:b\\040c mapped=2
                        4000 weighted interleave:0 anon=1
                        5000 prefer (many):0,63 anon=1
                        6000 local anon=1
                        7000 default file=/bind:0 mapped=1
                        ffff8000 new policy:7 anon=1
                        """);
        assertEquals(
                Map.of(
                        0x1000L, new Policy(2 | 1 << 13, nodes(0)),
                        0x2000L, new Policy(1 | 1 << 15, nodes(1)),
                        0x3000L, new Policy(3 | 1 << 14 | 1 << 13, nodes(0, 1, 4)),
                        0x4000L, new Policy(6, nodes(0)),
                        0x5000L, new Policy(5, nodes(0, 63)),
                        0x6000L, new Policy(4, nodes()),
                        0x7000L, Policy.DEFAULT,
                        0xffff8000L, Policy.DEFAULT),
                policies);
    }
}
