package jcriu.tracee;

import static jcriu.kernel.FileConstants.AT_FDCWD;
import static jcriu.kernel.FileConstants.O_RDONLY;
import static jcriu.kernel.PtraceConstants.NT_PRSTATUS;
import static jcriu.kernel.PtraceConstants.PTRACE_DETACH;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import jcriu.CCompiler;
import jcriu.LiveTarget;
import jcriu.errors.Errno;
import jcriu.errors.RemoteSyscallException;
import jcriu.errors.TaskGoneException;
import jcriu.kernel.Syscall;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.Status;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Calls made in other processes: they are made, and nobody can tell afterwards. */
@Tag("live")
class RemoteCallsIT {
    private static final int SCRATCH = 64 << 10;
    private static final long TIMEOUT_MS = 10_000;

    @TempDir private static Path scratch;
    private static Path program;

    @BeforeEach
    void compile() {
        assumeTrue("root".equals(System.getProperty("user.name")), "ptrace needs root here");
        if (program == null) {
            program = CCompiler.testee("target", scratch);
        }
    }

    private static LiveTarget start(String mode, String argument) {
        return LiveTarget.start(program, scratch, mode, argument);
    }

    private static long syscallAddress(int pid) {
        for (MapsVma vma : Maps.read(pid)) {
            if (vma.name().equals("[vdso]")) {
                return vma.start() + Vdso.syscallOffset();
            }
        }
        throw new AssertionError("no vDSO in pid " + pid);
    }

    /** Single calls and a batch in every thread; registers, mask and FPU are compared as well. */
    private static void disturb(FrozenTree tree) {
        for (FrozenTask task : tree.tasks()) {
            long address = syscallAddress(task.pid());
            Scratch area = null;
            for (Tracee thread : task.threads()) {
                thread.syscallAddress(address);
                byte[] registers = new byte[Registers.SIZE];
                Ptrace.getRegset(thread.tid(), NT_PRSTATUS, registers);
                long mask = Ptrace.getSigmask(thread.tid());
                byte[] fpu = fpu(thread);
                boolean again = thread.registers().get(Registers.Reg.RIP) != rip(registers);

                assertEquals(task.pid(), thread.call(Syscall.GETPID));
                assertEquals(thread.tid(), thread.require(Syscall.GETTID));
                assertEquals(-Errno.EBADF.number(), thread.call(Syscall.CLOSE, 9999));
                assertThrows(
                        RemoteSyscallException.class, () -> thread.require(Syscall.CLOSE, 9999));
                area = Scratch.map(thread, SCRATCH);
                try (RemoteBatch batch = area.batch()) {
                    int opened =
                            batch.add(
                                    "",
                                    Syscall.OPENAT,
                                    AT_FDCWD,
                                    batch.cString("/dev/null"),
                                    O_RDONLY,
                                    0);
                    for (int i = 0; i < 200; i++) {
                        batch.add("", Syscall.GETTID);
                    }
                    batch.run(thread);
                    assertEquals(thread.tid(), batch.result(opened + 200));
                    thread.require(Syscall.CLOSE, batch.result(opened));
                }
                area.unmap(thread);

                thread.putBack();
                byte[] after = new byte[Registers.SIZE];
                Ptrace.getRegset(thread.tid(), NT_PRSTATUS, after);
                if (!again) { // else the call that our stop ended will be made again
                    assertArrayEquals(registers, after);
                }
                assertEquals(mask, Ptrace.getSigmask(thread.tid()));
                assertArrayEquals(fpu, fpu(thread));
            }
        }
    }

    /**
     * The XSAVE area without XSTATE_BV, which may or may not name a part that is all zero: the
     * kernel gives the content either way.
     */
    private static byte[] fpu(Tracee thread) {
        byte[] area = thread.xstate();
        java.util.Arrays.fill(area, 512, 520, (byte) 0);
        return area;
    }

    private static long rip(byte[] registers) {
        return java.nio.ByteBuffer.wrap(registers)
                .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                .getLong(128);
    }

    private static void freezeAndDisturb(LiveTarget target) {
        try (FrozenTree tree = FrozenTree.freeze(target.pid(), TIMEOUT_MS, Map.of())) {
            disturb(tree);
        }
    }

    @ParameterizedTest
    @CsvSource({"count, 0", "spin, 0", "threads, 12"})
    void shouldLeaveNoTraceInARunningProcess(String mode, String argument) {
        try (LiveTarget target = start(mode, argument)) {
            String before = target.snapshot();
            for (int i = 0; i < 20; i++) {
                freezeAndDisturb(target);
                target.awaitProgress(1);
            }
            for (int i = 0; i < (mode.equals("threads") ? 12 : 0); i++) {
                target.awaitProgress(8 + i);
            }
            assertEquals(before, target.snapshot());
        }
    }

    @Test
    void shouldLeaveAStoppedProcessStopped() {
        try (LiveTarget target = start("count", "")) {
            LiveTarget.kill(target.pid(), "STOP");
            LiveTarget.await("state T", () -> LiveTarget.state(target.pid()) == 'T');
            String before = target.snapshot();
            long counter = target.word(1);
            for (int i = 0; i < 5; i++) {
                freezeAndDisturb(target);
                LiveTarget.await("state T", () -> LiveTarget.state(target.pid()) == 'T');
            }
            LiveTarget.pause(50);
            assertEquals('T', LiveTarget.state(target.pid()));
            assertEquals(counter, target.word(1));
            assertEquals(before, target.snapshot());
            LiveTarget.kill(target.pid(), "CONT");
            target.awaitProgress(1);
        }
    }

    /** Without us a thread runs to the end of its batch, and from there back to its own work. */
    @ParameterizedTest
    @CsvSource({"''", "all"})
    void shouldFindTheWayBackAlone(String handlers) {
        Path steady = CCompiler.testee("steady", scratch);
        try (LiveTarget target = LiveTarget.start(steady, scratch, "", "6 " + handlers)) {
            for (int i = 0; i < 10; i++) {
                try (FrozenTree tree = FrozenTree.freeze(target.pid(), TIMEOUT_MS, Map.of())) {
                    abandon(tree.root());
                }
                for (int counter = 8; counter < 8 + 6 + 3; counter++) {
                    target.awaitProgress(counter);
                }
                assertEquals(0, target.word(2), "what steady.c says is wrong");
            }
            if (handlers.isEmpty()) {
                assertEquals(0, target.word(3), "handlers have run");
            }
        }
    }

    /** Lets all threads go as the kernel does when their tracer ends: signals are delivered. */
    private static void abandon(FrozenTask task) {
        task.leader().syscallAddress(syscallAddress(task.pid()));
        Scratch area = Scratch.map(task.leader(), 1 << 20);
        long at = area.end() - (1 << 19);
        for (int i = 0; i < task.threads().size(); i++) {
            Tracee thread = task.threads().get(i);
            SignalFrame frame =
                    new SignalFrame(
                            thread, thread.xstate(), Status.readThread(task.pid(), thread.tid()));
            frame.write(at);
            at += frame.size();
            try (RemoteBatch batch = area.part(4096 * i, 4096)) {
                batch.wayBack(frame);
                int who = batch.add("", Syscall.GETTID);
                batch.run(thread);
                assertEquals(thread.tid(), batch.result(who));
            }
            Ptrace.require(PTRACE_DETACH, thread.tid(), 0, frame.signal(), "DETACH");
            thread.forget();
        }
    }

    /** Calls that end by themselves: at the right time, with the right result. */
    @ParameterizedTest
    @CsvSource({
        "nanosleep, 1500, 0, 0",
        "poll, 1500, 0, 0",
        "futex, 1500, -1, 110",
        "wait, 1500, 7, 0"
    })
    void shouldNotChangeACallWithATimeout(String mode, String argument, long result, long errno) {
        try (LiveTarget target = start(mode, argument)) {
            for (int i = 0; i < 5; i++) {
                freezeAndDisturb(target);
                LiveTarget.pause(50);
                assertEquals(1, target.word(0), "the call has ended");
            }
            LiveTarget.await("the end of the call", () -> target.word(0) == 2);
            assertEquals(result, target.word(2));
            assertEquals(errno, target.word(3));
            assertTrue(target.word(4) >= 1499, "after " + target.word(4) + " ms");
            assertTrue(target.word(4) < 2500, "after " + target.word(4) + " ms");
        }
    }

    /** Calls that wait for somebody: they still wait, and get what they wait for. */
    @ParameterizedTest
    @CsvSource({"read, 1", "epoll, 1", "sigwait, 12"})
    void shouldNotEndACallThatWaits(String mode, long result) throws IOException {
        Path fifo = scratch.resolve(mode + ".fifo");
        CCompiler.run(List.of("mkfifo", fifo.toString()));
        try (LiveTarget target = start(mode, fifo.toString())) {
            LiveTarget.await("state S", () -> LiveTarget.state(target.pid()) == 'S');
            String before = target.snapshot();
            String blocked = Files.readString(Path.of("/proc/" + target.pid() + "/syscall"));
            for (int i = 0; i < 5; i++) {
                freezeAndDisturb(target);
                LiveTarget.pause(20);
                assertEquals(1, target.word(0), "the call has ended");
            }
            LiveTarget.await("state S", () -> LiveTarget.state(target.pid()) == 'S');
            assertEquals(before, target.snapshot());
            assertEquals(blocked, Files.readString(Path.of("/proc/" + target.pid() + "/syscall")));
            if (mode.equals("sigwait")) {
                LiveTarget.kill(target.pid(), "USR2");
            } else {
                Files.write(fifo, new byte[1]);
            }
            LiveTarget.await("the end of the call", () -> target.word(0) == 2);
            assertEquals(result, target.word(2));
            assertEquals(0, target.word(3));
        }
    }

    /** A signal that comes in the middle of remote calls is delivered after them, once. */
    @Test
    void shouldDeliverSignalsThatArriveMeanwhile() {
        try (LiveTarget target = start("sigwait", "")) {
            try (FrozenTree tree = FrozenTree.freeze(target.pid(), TIMEOUT_MS, Map.of())) {
                LiveTarget.kill(target.pid(), "USR2");
                LiveTarget.kill(target.pid(), "STOP");
                disturb(tree);
            }
            LiveTarget.await("state T", () -> LiveTarget.state(target.pid()) == 'T');
            assertEquals(1, target.word(0));
            LiveTarget.kill(target.pid(), "CONT");
            LiveTarget.await("the end of the call", () -> target.word(0) == 2);
            assertEquals(12, target.word(2));
        }
    }

    @Test
    void shouldStopABatchAtTheFirstErrorThatIsNotTolerated() {
        Tracee seed = Seed.spawn(0, false);
        try {
            seed.syscallAddress(syscallAddress(seed.pid()));
            Scratch area = Scratch.map(seed, SCRATCH);
            try (RemoteBatch batch = area.batch()) {
                batch.add("first", Syscall.GETPID);
                batch.tolerate(Syscall.CLOSE, 9999);
                batch.add("second", Syscall.GETTID);
                batch.add("the one that fails", Syscall.CLOSE, 9998);
                int never = batch.add("never", Syscall.GETPID);
                RemoteSyscallException failure =
                        assertThrows(RemoteSyscallException.class, () -> batch.run(seed));
                assertEquals(Errno.EBADF, failure.errno());
                assertTrue(failure.what().contains("the one that fails: close(0x270e"));
                assertEquals(seed.pid(), batch.result(0));
                assertEquals(-Errno.EBADF.number(), batch.result(1));
                assertEquals(seed.pid(), batch.result(2));
                assertEquals(-Errno.EBADF.number(), batch.result(3));
                assertEquals(0, batch.result(never));
                batch.reset();
                batch.add("", Syscall.GETPID);
                batch.run(seed);
                assertEquals(seed.pid(), batch.result(0));
            }
            area.unmap(seed);
        } finally {
            Seed.kill(seed.pid(), List.of(seed));
        }
    }

    /** The end of a leader is not told while a thread that we trace has not been waited for. */
    @Test
    void shouldKillASeedWithThreads() {
        Tracee seed = Seed.spawn(0, false);
        seed.syscallAddress(syscallAddress(seed.pid()));
        Scratch area = Scratch.map(seed, SCRATCH);
        byte[] args = new byte[88];
        java.nio.ByteBuffer.wrap(args)
                .order(java.nio.ByteOrder.nativeOrder())
                .putLong(0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000);
        RemoteMemory.write(seed.pid(), area.end() - 88, args);
        Tracee thread = seed.clone3(area.end() - 88, true);
        long begin = System.nanoTime();
        Seed.kill(seed.pid(), List.of(seed, thread));
        assertTrue(System.nanoTime() - begin < 5_000_000_000L, "waited in vain");
        assertEquals('X', LiveTarget.state(seed.pid()));
    }

    /** A parent waits for a child in vain as long as a tracer has not taken notice of its end. */
    @ParameterizedTest
    @CsvSource({"count, 0", "threads, 12"})
    void shouldLetGoOfATaskThatIsKilledMeanwhile(String mode, String argument) throws IOException {
        try (LiveTarget target = start(mode, argument)) {
            try (FrozenTree tree = FrozenTree.freeze(target.pid(), TIMEOUT_MS, Map.of())) {
                assertEquals(1, tree.tasks().size());
                LiveTarget.kill(target.pid(), "KILL");
            }
            LiveTarget.await("its end", () -> "XZ".indexOf(LiveTarget.state(target.pid())) >= 0);
            assertEquals(0, tracer(target.pid()));
        }
    }

    private static int tracer(int pid) {
        try {
            return Status.read(pid).tracerPid();
        } catch (TaskGoneException e) {
            return 0;
        }
    }
}
