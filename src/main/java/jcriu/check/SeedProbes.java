package jcriu.check;

import static jcriu.kernel.FeatureConstants.*;
import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;
import static jcriu.kernel.ProcessConstants.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.kernel.Arch;
import jcriu.kernel.Syscall;
import jcriu.proc.Maps;
import jcriu.proc.MapsVma;
import jcriu.proc.ProcFs;
import jcriu.resource.Vmas;
import jcriu.sys.Native;
import jcriu.tracee.RemoteMemory;
import jcriu.tracee.Scratch;
import jcriu.tracee.Seed;
import jcriu.tracee.Tracee;
import jcriu.tracee.Vdso;

/** Probes in a process of ours that is killed afterwards: they change it for good. */
final class SeedProbes {
    private static final int SCRATCH = 64 << 10;
    private static final int RET_ALLOW = 0x7fff0000;
    private static final int RET_EPERM = 0x00050001;

    private SeedProbes() {}

    /** Asks a seed; {@code data} is memory of its own that may be written. */
    private interface Question {
        Verdict ask(Tracee seed, long data);
    }

    private static Verdict ask(Question question) {
        Tracee seed = Seed.spawn(0, false);
        try {
            for (MapsVma vma : Maps.read(seed.pid())) {
                if (Vmas.isVdso(vma)) {
                    seed.syscallAddress(vma.start() + Vdso.syscallOffset());
                }
            }
            Scratch scratch = Scratch.map(seed, SCRATCH);
            return question.ask(seed, scratch.base() + SCRATCH / 2);
        } finally {
            Seed.kill(seed.pid(), List.of(seed));
        }
    }

    private static Verdict of(long result, String what) {
        return Native.failed(result)
                ? Verdict.missing(what + " fails: " + Errno.ofResult(result).describe())
                : Verdict.THERE;
    }

    /** Stops a process of ours and has it make a call. */
    static Verdict remoteCalls() {
        return ask(
                (seed, data) ->
                        Verdict.of(
                                seed.call(Syscall.GETPID) > 0,
                                "a traced process does not make the calls it is told to"));
    }

    static Verdict remoteMemory() {
        return ask(
                (seed, data) -> {
                    byte[] written = {1, 2, 3, 4, 5, 6, 7, 8};
                    RemoteMemory.write(seed.pid(), data, written);
                    return Verdict.of(
                            Arrays.equals(written, RemoteMemory.read(seed.pid(), data, 8)),
                            "process_vm_readv does not give what process_vm_writev put there");
                });
    }

    static Verdict unshare(long namespace, String name) {
        return ask(
                (seed, data) -> of(seed.call(Syscall.UNSHARE, namespace), "unshare(" + name + ")"));
    }

    /** Makes a process with a pid that was free a moment ago. */
    static Verdict pidOfOurChoice() {
        JcriuException taken = null;
        for (int i = 0; i < 3; i++) {
            Tracee first = Seed.spawn(0, false);
            Seed.kill(first.pid(), List.of(first));
            try {
                Tracee again = Seed.spawn(first.pid(), false);
                Seed.kill(again.pid(), List.of(again));
                return Verdict.of(
                        again.pid() == first.pid(), "clone3 with set_tid gives another pid");
            } catch (JcriuException e) {
                if (e.kind() != Kind.RESTORE_REFUSED) {
                    throw e;
                }
                taken = e; // somebody else was faster
            }
        }
        throw taken;
    }

    static Verdict rseq() {
        return ask(
                (seed, data) -> {
                    int bytes = 32;
                    int signature = 0x53053053;
                    long r = seed.call(Syscall.RSEQ, data, bytes, 0, signature);
                    if (Native.failed(r)) {
                        return of(r, "rseq");
                    }
                    long[] found = seed.rseq();
                    return Verdict.of(
                            found[0] == data && found[1] == bytes && found[2] == signature,
                            "ptrace(PTRACE_GET_RSEQ_CONFIGURATION) does not tell; Linux 5.13"
                                    + " does");
                });
    }

    /** Installs a filter of one instruction, which answers every call with {@code action}. */
    private static long filter(Tracee seed, long data, int action) {
        ByteBuffer program = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
        program.putShort(0, (short) 1).putLong(8, data + 16);
        program.putShort(16, (short) 6).putInt(20, action); // BPF_RET | BPF_K
        RemoteMemory.write(seed.pid(), data, program.array());
        seed.call(Syscall.PRCTL, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return seed.call(Syscall.SECCOMP, SECCOMP_SET_MODE_FILTER, 0, data);
    }

    static Verdict readFilters() {
        return ask(
                (seed, data) -> {
                    long r = filter(seed, data, RET_ALLOW);
                    if (Native.failed(r)) {
                        return of(r, "seccomp");
                    }
                    byte[] filter = seed.seccompFilter(0);
                    return Verdict.of(
                            filter != null && filter.length == 8,
                            "ptrace(PTRACE_SECCOMP_GET_FILTER) does not give the filter");
                });
    }

    static Verdict suspendFilters() {
        return ask(
                (seed, data) -> {
                    long r = filter(seed, data, RET_EPERM);
                    if (Native.failed(r)) {
                        return of(r, "seccomp");
                    }
                    seed.suspendSeccompOfOurs();
                    return of(seed.call(Syscall.GETPID), "a call under PTRACE_O_SUSPEND_SECCOMP");
                });
    }

    static Verdict timerIds() {
        return ask(
                (seed, data) -> {
                    long r = seed.call(Syscall.PRCTL, PR_TIMER_CREATE_RESTORE_IDS, 1, 0, 0, 0);
                    if (Native.failed(r)) {
                        return of(r, "prctl(PR_TIMER_CREATE_RESTORE_IDS)");
                    }
                    byte[] wanted = {77, 0, 0, 0};
                    RemoteMemory.write(seed.pid(), data, wanted);
                    r = seed.call(Syscall.TIMER_CREATE, 1, 0, data);
                    if (Native.failed(r)) {
                        return of(r, "timer_create");
                    }
                    return Verdict.of(
                            Arrays.equals(wanted, RemoteMemory.read(seed.pid(), data, 4)),
                            "timer_create gives another id than asked for");
                });
    }

    /** Moves the ring of an AIO context, and uses it at its new address. */
    static Verdict moveAioRing() {
        return ask(
                (seed, data) -> {
                    long r = seed.call(Syscall.IO_SETUP, 1, data);
                    if (Native.failed(r)) {
                        return of(r, "io_setup");
                    }
                    long context =
                            ByteBuffer.wrap(RemoteMemory.read(seed.pid(), data, 8))
                                    .order(ByteOrder.LITTLE_ENDIAN)
                                    .getLong();
                    long length = 0;
                    for (MapsVma vma : Maps.read(seed.pid())) {
                        length = vma.start() == context ? vma.lengthBytes() : length;
                    }
                    long to =
                            seed.require(
                                    Syscall.MMAP,
                                    0,
                                    length,
                                    PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS,
                                    -1,
                                    0);
                    r =
                            seed.call(
                                    Syscall.MREMAP,
                                    context,
                                    length,
                                    length,
                                    MREMAP_MAYMOVE | MREMAP_FIXED,
                                    to);
                    if (Native.failed(r)) {
                        return of(r, "mremap of an AIO ring");
                    }
                    return of(
                            seed.call(Syscall.IO_GETEVENTS, to, 0, 0, data, 0),
                            "io_getevents at the new address");
                });
    }

    static Verdict mapVdso() {
        if (Native.ARCH != Arch.X86_64) {
            return Verdict.missing("this architecture has no ARCH_MAP_VDSO_64");
        }
        return ask(
                (seed, data) -> {
                    long r = seed.call(Syscall.ARCH_PRCTL, ARCH_MAP_VDSO_64, 0);
                    // it has one
                    return r == -Errno.EEXIST.number()
                            ? Verdict.THERE
                            : of(r, "arch_prctl(ARCH_MAP_VDSO_64)");
                });
    }

    /** Writes the login uid that the process has. */
    static Verdict loginuid() {
        return ask(
                (seed, data) -> {
                    byte[] text = ProcFs.read("/proc/" + seed.pid() + "/loginuid");
                    byte[] path = "/proc/self/loginuid\0".getBytes(StandardCharsets.US_ASCII);
                    RemoteMemory.write(seed.pid(), data, path);
                    RemoteMemory.write(seed.pid(), data + 64, text);
                    long fd = seed.call(Syscall.OPENAT, AT_FDCWD, data, O_RDWR, 0);
                    if (Native.failed(fd)) {
                        return of(fd, "opening /proc/self/loginuid");
                    }
                    return of(
                            seed.call(Syscall.WRITE, fd, data + 64, text.length),
                            "writing /proc/self/loginuid");
                });
    }

    /** Asks for the size of {@code struct prctl_mm_map}. */
    static Verdict describeMemory() {
        int mapSize = 15; // PR_SET_MM_MAP_SIZE
        return ask(
                (seed, data) ->
                        of(
                                seed.call(Syscall.PRCTL, PR_SET_MM, mapSize, data, 0, 0),
                                "prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE)"));
    }
}
