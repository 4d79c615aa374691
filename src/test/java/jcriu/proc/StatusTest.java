package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class StatusTest {
    private static final String CAPTURED =
            """
            Name:\ta) b\\n(c
            Umask:\t0027
            State:\tt (tracing stop)
            Tgid:\t4332
            Ngid:\t3
            Pid:\t4333
            PPid:\t4329
            TracerPid:\t77
            Uid:\t1000\t1001\t1002\t1003
            Gid:\t4294967294\t1\t2\t3
            FDSize:\t256
            Groups:\t4 24 27 30 1000\s
            NStgid:\t4332\t12\t1
            NSpid:\t4333\t13\t2
            NSpgid:\t4329\t11\t0
            NSsid:\t2582\t0\t0
            Kthread:\t0
            VmPeak:\t    3060 kB
            VmSize:\t    3060 kB
            CoreDumping:\t1
            THP_enabled:\t1
            untag_mask:\t0xffffffffffffffff
            Threads:\t6
            SigQ:\t0/96365
            SigPnd:\t0000000000000001
            ShdPnd:\t0000000000000002
            SigBlk:\t8000000000000004
            SigIgn:\t0000000000001000
            SigCgt:\t00000001800004ec
            CapInh:\t0000000000000001
            CapPrm:\t000001fffeffffff
            CapEff:\t000001fffeffffef
            CapBnd:\t000001ffffffffff
            CapAmb:\t0000000000000002
            NoNewPrivs:\t1
            Seccomp:\t2
            Seccomp_filters:\t5
            Speculation_Store_Bypass:\tvulnerable
            Cpus_allowed:\t3
            """;

    private static final String KERNEL_THREAD =
            """
            Name:\tkthreadd
            State:\tS (sleeping)
            Tgid:\t2
            Pid:\t2
            Groups:\t\s
            Kthread:\t1
            Threads:\t1
            SigIgn:\tffffffffffffffff
            """;

    private static Status parse(String text) {
        return Status.parse(ProcText.bytes(text), ProcText.length(text));
    }

    @Test
    void shouldTakeEveryField() {
        Status status = parse(CAPTURED);
        assertEquals(027, status.umask());
        assertEquals('t', status.state());
        assertEquals(4332, status.tgid());
        assertEquals(3, status.ngid());
        assertEquals(4333, status.pid());
        assertEquals(4329, status.ppid());
        assertEquals(77, status.tracerPid());
        assertArrayEquals(new int[] {1000, 1001, 1002, 1003}, status.uids());
        assertArrayEquals(new int[] {-2, 1, 2, 3}, status.gids());
        assertArrayEquals(new int[] {4, 24, 27, 30, 1000}, status.groups());
        assertArrayEquals(new int[] {4332, 12, 1}, status.nsTgid());
        assertArrayEquals(new int[] {4333, 13, 2}, status.nsPid());
        assertArrayEquals(new int[] {4329, 11, 0}, status.nsPgid());
        assertArrayEquals(new int[] {2582, 0, 0}, status.nsSid());
        assertEquals(6, status.threads());
        assertEquals(1, status.sigPnd());
        assertEquals(2, status.shdPnd());
        assertEquals(0x8000000000000004L, status.sigBlk());
        assertEquals(0x1000, status.sigIgn());
        assertEquals(0x1800004ecL, status.sigCgt());
        assertEquals(1, status.capInh());
        assertEquals(0x1fffeffffffL, status.capPrm());
        assertEquals(0x1fffeffffefL, status.capEff());
        assertEquals(0x1ffffffffffL, status.capBnd());
        assertEquals(2, status.capAmb());
        assertEquals(1, status.noNewPrivs());
        assertEquals(2, status.seccomp());
        assertEquals(5, status.seccompFilters());
        assertTrue(status.coreDumping());
        assertTrue(status.thpEnabled());
        assertTrue(status.hasMm());
    }

    @Test
    void shouldStandForLinesThatAKernelThreadLacks() {
        Status status = parse(KERNEL_THREAD);
        assertFalse(status.hasMm());
        assertEquals(-1, status.umask());
        assertEquals(-1, status.seccompFilters());
        assertEquals(0, status.groups().length);
        assertEquals(0, status.nsPid().length);
        assertEquals(-1L, status.sigIgn());
    }

    @Test
    void shouldReadOurselves() {
        int pid = (int) ProcessHandle.current().pid();
        Status status = Status.read(pid);
        assertEquals(pid, status.pid());
        assertEquals(Stat.read(pid).ppid(), status.ppid());
        assertEquals(4, status.uids().length);
        assertEquals(4, status.gids().length);
        assertEquals(pid, status.nsPid()[0]);
        assertTrue(status.hasMm());
        int[] tids = ProcFs.tasks(pid);
        int tid = tids[1];
        assertEquals(tid, Status.readThread(pid, tid).pid());
        assertEquals(pid, Status.readThread(pid, tid).tgid());
    }
}
