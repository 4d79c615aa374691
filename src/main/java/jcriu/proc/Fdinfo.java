package jcriu.proc;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * {@code /proc/PID/fdinfo/FD}: four lines that every descriptor has, then those of its kind.
 *
 * <p>Source: proc_pid_fdinfo(5), Documentation/filesystems/proc.rst section 3.8.
 *
 * @param flags open(2) flags, with O_CLOEXEC of the descriptor
 * @param ino 0 on a kernel too old to print it
 * @param tfds what an epoll descriptor watches, as printed
 * @param sigmask what a signalfd accepts, signal n in bit n - 1; empty if this is none
 * @param inotify lines that start with "inotify", whole
 * @param fanotify lines that start with "fanotify", whole
 * @param locks lines that start with "lock:", without that word
 * @param other lines with no reader here, whole
 */
public record Fdinfo(
        long pos,
        int flags,
        int mntId,
        long ino,
        Optional<Eventfd> eventfd,
        List<Tfd> tfds,
        Optional<Long> sigmask,
        Optional<Timerfd> timerfd,
        Optional<Pidfd> pidfd,
        List<String> inotify,
        List<String> fanotify,
        List<String> locks,
        List<String> other) {

    /**
     * An eventfd(2).
     *
     * @param id unique in the kernel: equal for two descriptors of one eventfd; -1 on a kernel too
     *     old to print it
     * @param semaphore EFD_SEMAPHORE; false also on a kernel too old to print it
     */
    public record Eventfd(long count, int id, boolean semaphore) {}

    /**
     * One file that an epoll descriptor watches.
     *
     * <p>The number is the one under which the file was added; it may be another file's by now, and
     * {@code ino} with {@code sdev} tells.
     *
     * @param events EPOLL bits
     * @param data the user's word
     * @param ino inode and {@code sdev} kernel device number; 0 on a kernel too old to print them
     */
    public record Tfd(int tfd, int events, long data, long pos, long ino, int sdev) {}

    /**
     * A timerfd(2).
     *
     * @param ticks expirations not yet read
     * @param settimeFlags as given to timerfd_settime(2)
     * @param valueSec time left, even if the timer was set to an absolute time
     */
    public record Timerfd(
            int clockId,
            long ticks,
            int settimeFlags,
            long valueSec,
            long valueNsec,
            long intervalSec,
            long intervalNsec) {}

    /**
     * A pidfd_open(2).
     *
     * @param pid -1 if the process is gone, 0 if it is in no namespace of ours
     * @param nsPid from our pid namespace inwards
     */
    public record Pidfd(int pid, int[] nsPid) {}

    public static Fdinfo read(int pid, int fd) {
        ProcBuffer buffer = ProcBuffer.read("/proc/" + pid + "/fdinfo/" + fd);
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static Fdinfo parse(byte[] text, int lengthBytes) {
        Fields fields = new Fields();
        ByteScanner scan = new ByteScanner("fdinfo", text, lengthBytes);
        while (!scan.atEnd()) {
            fields.take(scan);
            scan.skipLine();
        }
        return fields.toFdinfo();
    }

    /** The values seen so far. */
    private static final class Fields {
        private long pos;
        private int flags;
        private int mntId;
        private long ino;

        private boolean isEventfd;
        private long eventfdCount;
        private int eventfdId = -1;
        private boolean eventfdSemaphore;

        private Optional<Long> sigmask = Optional.empty();

        private boolean isTimerfd;
        private int clockId;
        private long ticks;
        private int settimeFlags;
        private long valueSec;
        private long valueNsec;
        private long intervalSec;
        private long intervalNsec;

        private boolean isPidfd;
        private int pid;
        private int[] nsPid = {};

        private final List<Tfd> tfds = new ArrayList<>(0);
        private final List<String> inotify = new ArrayList<>(0);
        private final List<String> fanotify = new ArrayList<>(0);
        private final List<String> locks = new ArrayList<>(0);
        private final List<String> other = new ArrayList<>(0);

        void take(ByteScanner scan) {
            int lineStart = scan.pos();
            if (scan.skipIf("pos:")) {
                pos = scan.decimal();
            } else if (scan.skipIf("flags:")) {
                flags = (int) scan.octal();
            } else if (scan.skipIf("mnt_id:")) {
                mntId = scan.decimalInt();
            } else if (scan.skipIf("ino:")) {
                ino = scan.decimal();
            } else if (scan.skipIf("tfd:")) {
                tfds.add(tfd(scan));
            } else if (scan.skipIf("lock:")) {
                scan.skipBlanks();
                locks.add(scan.restOfLine());
            } else if (!takeEventfd(scan) && !takeTimerfd(scan) && !takeSignalOrPid(scan)) {
                takeRaw(scan, lineStart);
            }
        }

        private boolean takeEventfd(ByteScanner scan) {
            if (scan.skipIf("eventfd-count:")) {
                isEventfd = true;
                eventfdCount = scan.hex();
            } else if (scan.skipIf("eventfd-id:")) {
                eventfdId = scan.decimalInt();
            } else if (scan.skipIf("eventfd-semaphore:")) {
                eventfdSemaphore = scan.decimal() != 0;
            } else {
                return false;
            }
            return true;
        }

        private boolean takeTimerfd(ByteScanner scan) {
            if (scan.skipIf("clockid:")) {
                isTimerfd = true;
                clockId = scan.decimalInt();
            } else if (scan.skipIf("ticks:")) {
                ticks = scan.decimal();
            } else if (scan.skipIf("settime flags:")) {
                settimeFlags = (int) scan.octal();
            } else if (scan.skipIf("it_value:")) {
                valueSec = firstOfPair(scan);
                valueNsec = secondOfPair(scan);
            } else if (scan.skipIf("it_interval:")) {
                intervalSec = firstOfPair(scan);
                intervalNsec = secondOfPair(scan);
            } else {
                return false;
            }
            return true;
        }

        private boolean takeSignalOrPid(ByteScanner scan) {
            if (scan.skipIf("sigmask:")) {
                sigmask = Optional.of(scan.hex());
            } else if (scan.skipIf("Pid:")) {
                isPidfd = true;
                pid = scan.decimalInt();
            } else if (scan.skipIf("NSpid:")) {
                nsPid = scan.decimalInts();
            } else {
                return false;
            }
            return true;
        }

        private void takeRaw(ByteScanner scan, int lineStart) {
            List<String> lines = other;
            if (scan.skipIf("inotify ")) {
                lines = inotify;
            } else if (scan.skipIf("fanotify ")) {
                lines = fanotify;
            }
            scan.seek(lineStart);
            lines.add(scan.restOfLine());
        }

        private static Tfd tfd(ByteScanner scan) {
            int number = scan.decimalInt();
            int events = 0;
            long data = 0;
            long position = 0;
            long inode = 0;
            int device = 0;
            scan.skipBlanks();
            while (!scan.atEndOfLine()) {
                if (scan.skipIf("events:")) {
                    events = (int) scan.hex();
                } else if (scan.skipIf("data:")) {
                    data = scan.hex();
                } else if (scan.skipIf("pos:")) {
                    position = scan.decimal();
                } else if (scan.skipIf("ino:")) {
                    inode = scan.hex();
                } else if (scan.skipIf("sdev:")) {
                    device = (int) scan.hex();
                } else {
                    scan.skipWord();
                }
                scan.skipBlanks();
            }
            return new Tfd(number, events, data, position, inode, device);
        }

        private static long firstOfPair(ByteScanner scan) {
            scan.skipBlanks();
            scan.expect('(');
            return scan.decimal();
        }

        private static long secondOfPair(ByteScanner scan) {
            scan.expect(',');
            return scan.decimal();
        }

        Fdinfo toFdinfo() {
            return new Fdinfo(
                    pos,
                    flags,
                    mntId,
                    ino,
                    isEventfd
                            ? Optional.of(new Eventfd(eventfdCount, eventfdId, eventfdSemaphore))
                            : Optional.empty(),
                    List.copyOf(tfds),
                    sigmask,
                    isTimerfd
                            ? Optional.of(
                                    new Timerfd(
                                            clockId,
                                            ticks,
                                            settimeFlags,
                                            valueSec,
                                            valueNsec,
                                            intervalSec,
                                            intervalNsec))
                            : Optional.empty(),
                    isPidfd ? Optional.of(new Pidfd(pid, nsPid)) : Optional.empty(),
                    List.copyOf(inotify),
                    List.copyOf(fanotify),
                    List.copyOf(locks),
                    List.copyOf(other));
        }
    }
}
