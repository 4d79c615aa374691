package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import jcriu.errors.JcriuException;
import org.junit.jupiter.api.Test;

class MapsTest {
    private static final String MAPS =
            """
            55674c1a1000-55674c1a2000 r-xp 00001000 fe:00 2146337                    /tmp/pp/t
            556750153000-556750174000 rw-p 00000000 00:00 0                          [heap]
            7fdce6526000-7fdce6529000 rw-p 00000000 00:00 0\s
            7fdce6711000-7fdce6712000 rw-s 00000000 00:01 25                         /memfd:my mem (deleted)
            7fdce6712000-7fdce6714000 rw-s 180001000 103:1f 2146332                  /tmp/a\\012b\\134 (deleted)
            7fdce6714000-7fdce6716000 rw-p 00000000 00:00 0                          [anon:my anon]
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
            """;

    private static final String SMAPS =
            """
            7fff11ddd000-7fff11dfe000 rw-p 00000000 00:00 0                          [stack]
            Size:                132 kB
            KernelPageSize:        4 kB
            MMUPageSize:           4 kB
            Rss:                  16 kB
            Pss:                  16 kB
            Pss_Dirty:            16 kB
            Private_Dirty:        16 kB
            AnonHugePages:         0 kB
            FilePmdMapped:         0 kB
            THPeligible:           0
            ProtectionKey:         5
            VmFlags: rd wr mr mw me gd ac zq\s
            7fff20000000-7fff20200000 rw-s 00000000 00:0f 88                         /anon_hugepage (deleted)
            Size:               2048 kB
            KernelPageSize:     2048 kB
            VmFlags: rd wr sh mr mw me ms ht\s
            ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
            Size:                  4 kB
            KernelPageSize:        4 kB
            THPeligible:           0
            VmFlags: ex\s
            """;

    /** The kernel goes on behind the end of the last one, with what is there by then. */
    @Test
    void shouldCutWhatWasJoinedWhileItWasRead() {
        List<MapsVma> vmas =
                parse(
                        """
                        1000-3000 rw-p 00000000 00:00 0
                        1000-5000 rw-p 00001000 fe:00 2                          /a
                        4000-5000 rw-p 00000000 00:00 0
                        5000-6000 rw-p 00000000 00:00 0
                        """);
        assertEquals(
                List.of("1000-3000 rw-p", "3000-5000 rw-p /a", "5000-6000 rw-p"),
                vmas.stream().map(MapsVma::toString).toList());
        assertEquals(0x3000, vmas.get(1).offset());
    }

    @Test
    void shouldKnowTheFlagsOfAnEarlierLook() {
        List<MapsVma> earlier =
                parse(
                        """
                        1000-3000 rw-p 00000000 00:00 0
                        VmFlags: rd wr gd\s
                        5000-6000 rw-p 00000000 00:00 0
                        VmFlags: rd wr dc\s
                        7000-8000 r--p 00000000 00:00 0
                        VmFlags: rd\s
                        9000-a000 rw-p 00000000 fe:00 2                          /a
                        VmFlags: rd wr\s
                        """);
        List<MapsVma> now =
                parse(
                        """
                        0000-3000 rw-p 00000000 00:00 0
                        4000-5000 rw-p 00000000 00:00 0
                        5000-6800 rw-p 00000000 00:00 0
                        7000-8000 rw-p 00000000 00:00 0
                        9000-a000 rw-p 00000000 fe:00 3                          /a
                        """);
        List<MapsVma> both = Maps.withFlags(now, earlier);
        assertEquals(
                now.stream().map(MapsVma::start).toList(),
                both.stream().map(MapsVma::start).toList());
        assertTrue(both.get(0).has(VmFlag.GD), "one that has grown down");
        assertEquals(0, both.get(1).vmFlags(), "one that is new");
        assertTrue(both.get(2).has(VmFlag.DC), "one that has grown");
        assertEquals(0, both.get(3).vmFlags(), "one that is protected otherwise");
        assertEquals(0, both.get(4).vmFlags(), "one of another file");
    }

    private static List<MapsVma> parse(String text) {
        return Maps.parse(ProcText.bytes(text), ProcText.length(text));
    }

    @Test
    void shouldTakeEachLineOfMaps() {
        List<MapsVma> vmas = parse(MAPS);
        assertEquals(7, vmas.size());
        assertEquals(
                new MapsVma(
                        0x55674c1a1000L,
                        0x55674c1a2000L,
                        5,
                        false,
                        0x1000,
                        0xfe,
                        0,
                        2146337,
                        "/tmp/pp/t",
                        false,
                        0,
                        0,
                        0),
                vmas.get(0));
        assertEquals("[heap]", vmas.get(1).name());
        assertEquals(3, vmas.get(1).prot());
        assertEquals("", vmas.get(2).name());
        assertEquals(0x3000, vmas.get(2).lengthBytes());
        assertEquals("[anon:my anon]", vmas.get(5).name());
    }

    @Test
    void shouldKeepDeletedApartFromTheName() {
        List<MapsVma> vmas = parse(MAPS);
        assertEquals("/memfd:my mem", vmas.get(3).name());
        assertTrue(vmas.get(3).deleted());
        assertTrue(vmas.get(3).shared());
        assertFalse(vmas.get(0).deleted());
    }

    @Test
    void shouldPutBackNewlinesAndNothingElse() {
        MapsVma vma = parse(MAPS).get(4);
        assertEquals("/tmp/a\nb\\134", vma.name());
        assertTrue(vma.deleted());
        assertEquals(0x180001000L, vma.offset());
        assertEquals(0x103, vma.devMajor());
        assertEquals(0x1f, vma.devMinor());
    }

    @Test
    void shouldCompareAddressesUnsigned() {
        MapsVma vsyscall = parse(MAPS).get(6);
        assertEquals(0xffffffffff600000L, vsyscall.start());
        assertEquals(4, vsyscall.prot());
        assertTrue(vsyscall.contains(0xffffffffff600fffL));
        assertFalse(vsyscall.contains(0xffffffffff601000L));
        assertFalse(vsyscall.contains(0x7fff00000000L));
        assertEquals("ffffffffff600000-ffffffffff601000 --xp [vsyscall]", vsyscall.toString());
    }

    @Test
    void shouldTakeFlagsAndPageSizesOfSmaps() {
        List<MapsVma> vmas = parse(SMAPS);
        assertEquals(3, vmas.size());
        MapsVma stack = vmas.get(0);
        assertEquals(
                VmFlag.of(
                        VmFlag.RD,
                        VmFlag.WR,
                        VmFlag.MR,
                        VmFlag.MW,
                        VmFlag.ME,
                        VmFlag.GD,
                        VmFlag.AC,
                        VmFlag.UNKNOWN),
                stack.vmFlags());
        assertEquals("rd wr mr mw me gd ac ??", VmFlag.describe(stack.vmFlags()));
        assertEquals(4096, stack.kernelPageSizeBytes());
        assertEquals(5, stack.protectionKey());
        assertEquals(2 << 20, vmas.get(1).kernelPageSizeBytes());
        assertTrue(vmas.get(1).has(VmFlag.HT));
        assertTrue(vmas.get(1).deleted());
        assertEquals(0, vmas.get(1).protectionKey());
        assertEquals(VmFlag.EX.mask(), vmas.get(2).vmFlags());
        assertEquals("[vsyscall]", vmas.get(2).name());
    }

    @Test
    void shouldGiveEveryFlagItsOwnBit() {
        long seen = 0;
        for (VmFlag flag : VmFlag.values()) {
            assertEquals(0, seen & flag.mask(), flag + " shares a bit");
            seen |= flag.mask();
            if (flag != VmFlag.UNKNOWN) {
                assertEquals(
                        flag.mask(), VmFlag.maskOf(flag.code().charAt(0), flag.code().charAt(1)));
            }
        }
    }

    @Test
    void shouldTakeNoLinesAsNoMemory() {
        assertEquals(List.of(), parse(""));
    }

    @Test
    void shouldRejectALineThatIsCutOff() {
        assertThrows(JcriuException.class, () -> parse("55674c1a1000-55674c1a2000 r-"));
        assertThrows(JcriuException.class, () -> parse("\n"));
    }

    @Test
    void shouldSeeTheSameStackInMapsAndSmapsOfOurselves() {
        int pid = (int) ProcessHandle.current().pid();
        MapsVma stack = named("[stack]", Maps.read(pid));
        MapsVma stackWithFlags = named("[stack]", Maps.readSmaps(pid));
        assertEquals(stack.end(), stackWithFlags.end());
        assertTrue(stackWithFlags.has(VmFlag.GD));
        assertFalse(stackWithFlags.has(VmFlag.UNKNOWN));
        assertTrue(stackWithFlags.kernelPageSizeBytes() >= 4096);
        long last = 0;
        for (MapsVma vma : Maps.read(pid)) {
            assertTrue(Long.compareUnsigned(last, vma.start()) <= 0);
            last = vma.end();
        }
    }

    private static MapsVma named(String name, List<MapsVma> vmas) {
        for (MapsVma vma : vmas) {
            if (vma.name().equals(name)) {
                return vma;
            }
        }
        throw new AssertionError("no " + name);
    }
}
