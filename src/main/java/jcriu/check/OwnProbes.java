package jcriu.check;

import static jcriu.kernel.FeatureConstants.*;
import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;
import static jcriu.kernel.UffdConstants.*;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import jcriu.errors.Errno;
import jcriu.kernel.Syscall;
import jcriu.proc.ProcFs;
import jcriu.proc.QuickFlags;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** Probes that leave our own process as it was: each does what a dump or a restore would do. */
final class OwnProbes {
    private static final int PAGE = 4096;

    /** Linux 6.13; a page that is not there, and faults. */
    private static final int GUARD_INSTALL = 102;

    /** Linux 6.17: the category of PAGEMAP_SCAN. */
    private static final long IS_GUARD = 1 << 8;

    private OwnProbes() {}

    private static Verdict of(long result, String what) {
        return Native.failed(result)
                ? Verdict.missing(what + " fails: " + Errno.ofResult(result).describe())
                : Verdict.THERE;
    }

    private static long self() {
        return ProcessHandle.current().pid();
    }

    private static Fd memfd(int flags) {
        try (NativeMemory name = NativeMemory.cString("jcriu-check")) {
            return new Fd(
                    Native.check(
                            Native.call(Syscall.MEMFD_CREATE, name.address(), MFD_CLOEXEC | flags),
                            "memfd_create"),
                    "memfd");
        }
    }

    private static boolean fdinfoHas(Fd fd, String line) {
        byte[] text = ProcFs.read("/proc/self/fdinfo/" + fd.number());
        return ("\n" + new String(text, StandardCharsets.US_ASCII)).contains("\n" + line);
    }

    static Verdict mountIds() {
        try (Fd fd = memfd(0)) {
            return Verdict.of(fdinfoHas(fd, "mnt_id:"), "/proc/PID/fdinfo has no mnt_id line");
        }
    }

    static Verdict locksInFdinfo() {
        try (Fd fd = memfd(0)) {
            int exclusive = 2;
            Native.check(Native.call(Syscall.FLOCK, fd.number(), exclusive), "flock");
            return Verdict.of(fdinfoHas(fd, "lock:"), "/proc/PID/fdinfo has no lock line");
        }
    }

    static Verdict timerfd() {
        try (Fd fd =
                        new Fd(
                                Native.check(
                                        Native.call(Syscall.TIMERFD_CREATE, 1, O_CLOEXEC),
                                        "timerfd_create"),
                                "timerfd");
                NativeMemory one = NativeMemory.allocate(8)) {
            if (!fdinfoHas(fd, "clockid:")) {
                return Verdict.missing("/proc/PID/fdinfo does not show timers");
            }
            one.putLong(0, 1);
            return of(
                    Native.call(Syscall.IOCTL, fd.number(), TFD_IOC_SET_TICKS, one.address()),
                    "ioctl(TFD_IOC_SET_TICKS)");
        }
    }

    static Verdict flagsOfMappings() {
        Optional<QuickFlags> flags = QuickFlags.open();
        flags.ifPresent(QuickFlags::close);
        return Verdict.of(flags.isPresent(), "no BPF iterator tells the flags of mappings");
    }

    static Verdict hugeMemfd() {
        memfd(MFD_HUGETLB).close();
        return Verdict.THERE;
    }

    static Verdict tun(boolean namespace) {
        try (Fd fd = Fd.open("/dev/net/tun", O_RDWR);
                NativeMemory word = NativeMemory.allocate(8)) {
            if (!namespace) {
                return of(
                        Native.call(Syscall.IOCTL, fd.number(), TUNGETFEATURES, word.address()),
                        "ioctl(TUNGETFEATURES)");
            }
            return closing(
                    Native.call(Syscall.IOCTL, fd.number(), SIOCGSKNS, 0), "ioctl(SIOCGSKNS)");
        }
    }

    /** A result that is a descriptor, which is not needed. */
    private static Verdict closing(long fd, String what) {
        if (!Native.failed(fd)) {
            Native.call(Syscall.CLOSE, fd);
        }
        return of(fd, what);
    }

    private interface SocketProbe {
        Verdict ask(long socket, NativeMemory memory);
    }

    private static Verdict onSocket(SocketProbe probe) {
        try (NativeMemory memory = NativeMemory.allocate(64)) {
            int unix = 1;
            int stream = 1;
            Native.check(
                    Native.call(Syscall.SOCKETPAIR, unix, stream | O_CLOEXEC, 0, memory.address()),
                    "socketpair");
            int peer = memory.getInt(4);
            try (Fd socket = new Fd(memory.getInt(0), "socket")) {
                return probe.ask(socket.number(), memory);
            } finally {
                Native.call(Syscall.CLOSE, peer);
            }
        }
    }

    static Verdict socketNamespace() {
        return onSocket(
                (socket, memory) ->
                        closing(
                                Native.call(Syscall.IOCTL, socket, SIOCGSKNS, 0),
                                "ioctl(SIOCGSKNS)"));
    }

    static Verdict socketFile() {
        return onSocket(
                (socket, memory) -> {
                    long r = Native.call(Syscall.IOCTL, socket, SIOCUNIXFILE, 0);
                    // this socket has no file; a kernel without the call says ENOTTY or EINVAL
                    return r == -Errno.ENOENT.number()
                            ? Verdict.THERE
                            : closing(r, "ioctl(SIOCUNIXFILE)");
                });
    }

    static Verdict bufferLock() {
        return onSocket(
                (socket, memory) -> {
                    memory.putInt(16, 4);
                    return of(
                            Native.call(
                                    Syscall.GETSOCKOPT,
                                    socket,
                                    SOL_SOCKET,
                                    SO_BUF_LOCK,
                                    memory.address() + 8,
                                    memory.address() + 16),
                            "getsockopt(SO_BUF_LOCK)");
                });
    }

    static Verdict userfaultfd(long features) {
        long r = Native.call(Syscall.USERFAULTFD, O_CLOEXEC | O_NONBLOCK);
        if (r == -Errno.EPERM.number()) {
            r = Native.call(Syscall.USERFAULTFD, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
        }
        try (Fd fd = new Fd(Native.check(r, "userfaultfd"), "userfaultfd");
                NativeMemory api = NativeMemory.allocate(24)) {
            api.putLong(0, UFFD_API);
            api.putLong(8, features);
            return of(
                    Native.call(Syscall.IOCTL, fd.number(), UFFDIO_API, api.address()),
                    "ioctl(UFFDIO_API)");
        }
    }

    static Verdict userfaultfdEvents() {
        return userfaultfd(
                UFFD_FEATURE_EVENT_FORK
                        | UFFD_FEATURE_EVENT_REMAP
                        | UFFD_FEATURE_EVENT_REMOVE
                        | UFFD_FEATURE_EVENT_UNMAP);
    }

    /** kcmp(2) finds out which description an epoll instance watches. */
    static Verdict compareEpoll() {
        try (Fd epoll =
                        new Fd(
                                Native.check(
                                        Native.call(Syscall.EPOLL_CREATE1, O_CLOEXEC),
                                        "epoll_create1"),
                                "epoll");
                Fd event =
                        new Fd(
                                Native.check(
                                        Native.call(Syscall.EVENTFD2, 0, O_CLOEXEC), "eventfd2"),
                                "eventfd");
                NativeMemory memory = NativeMemory.allocate(32)) {
            memory.putInt(0, 1);
            Native.check(
                    Native.call(
                            Syscall.EPOLL_CTL,
                            epoll.number(),
                            EPOLL_CTL_ADD,
                            event.number(),
                            memory.address()),
                    "epoll_ctl");
            // struct kcmp_epoll_slot {u32 efd, tfd, toff}
            memory.putInt(16, epoll.number());
            memory.putInt(20, event.number());
            memory.putInt(24, 0);
            long r =
                    Native.call(
                            Syscall.KCMP,
                            self(),
                            self(),
                            KCMP_EPOLL_TFD,
                            event.number(),
                            memory.address() + 16);
            return r == 0 ? Verdict.THERE : of(r > 0 ? -5 : r, "kcmp(KCMP_EPOLL_TFD)");
        }
    }

    static Verdict kcmp() {
        try (Fd fd = memfd(0)) {
            return of(
                    Native.call(Syscall.KCMP, self(), self(), KCMP_FILE, fd.number(), fd.number()),
                    "kcmp");
        }
    }

    static Verdict openat2() {
        try (NativeMemory how = NativeMemory.allocate(24);
                NativeMemory path = NativeMemory.cString("/proc")) {
            how.putLong(0, O_PATH | O_CLOEXEC);
            return closing(
                    Native.call(Syscall.OPENAT2, AT_FDCWD, path.address(), how.address(), 24),
                    "openat2");
        }
    }

    static Verdict takeDescriptor() {
        try (Fd fd = memfd(0)) {
            Fd.take((int) self(), fd.number()).close();
            return Verdict.THERE;
        }
    }

    static Verdict pidsInStatus() {
        String status = new String(ProcFs.read("/proc/self/status"), StandardCharsets.ISO_8859_1);
        return Verdict.of(status.contains("\nNSpid:"), "/proc/PID/status has no NSpid line");
    }

    /** A shared anonymous mapping is opened by the name that only map_files has. */
    static Verdict mapFiles() {
        long at = map(PAGE, MAP_SHARED);
        try {
            Fd.open(
                            "/proc/self/map_files/"
                                    + Long.toHexString(at)
                                    + "-"
                                    + Long.toHexString(at + PAGE),
                            O_RDWR)
                    .close();
            return Verdict.THERE;
        } finally {
            Native.call(Syscall.MUNMAP, at, PAGE);
        }
    }

    private static long map(long length, int flags) {
        return Native.check(
                Native.call(
                        Syscall.MMAP,
                        0,
                        length,
                        PROT_READ | PROT_WRITE,
                        flags | MAP_ANONYMOUS,
                        -1,
                        0),
                "mmap");
    }

    /** Scans two pages, of which the first is written, or a guard. */
    static Verdict pagemapScan(boolean guard) {
        long at = map(2 * PAGE, MAP_PRIVATE);
        try (Fd pagemap = Fd.open("/proc/self/pagemap", O_RDONLY);
                NativeMemory memory = NativeMemory.allocate(PM_SCAN_ARG_SIZE + 4L * 24)) {
            if (guard) {
                long r = Native.call(Syscall.MADVISE, at, PAGE, GUARD_INSTALL);
                if (Native.failed(r)) {
                    return of(r, "madvise(MADV_GUARD_INSTALL)");
                }
            } else {
                // the kernel writes there
                Native.check(Native.call(Syscall.CLOCK_GETTIME, 1, at), "clock_gettime");
            }
            long category = guard ? IS_GUARD : PAGE_IS_PRESENT;
            memory.putLong(0, PM_SCAN_ARG_SIZE);
            memory.putLong(16, at);
            memory.putLong(24, at + 2 * PAGE);
            memory.putLong(40, memory.address() + PM_SCAN_ARG_SIZE);
            memory.putLong(48, 4);
            memory.putLong(72, category);
            memory.putLong(88, category);
            long n = Native.call(Syscall.IOCTL, pagemap.number(), PAGEMAP_SCAN, memory.address());
            if (Native.failed(n)) {
                return of(n, "ioctl(PAGEMAP_SCAN)");
            }
            return Verdict.of(
                    n == 1 && memory.getLong(PM_SCAN_ARG_SIZE) == at,
                    "ioctl(PAGEMAP_SCAN) does not find the page");
        } finally {
            Native.call(Syscall.MUNMAP, at, 2 * PAGE);
        }
    }
}
