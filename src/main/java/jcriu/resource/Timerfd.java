package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.jcriu_file;
import jcriu.image.proto.timerfd_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Fdinfo;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * timerfd_create(2): the time left, the interval, expirations that nobody has read.
 *
 * <p>fdinfo tells the time left even of a timer that was set to a date (TFD_TIMER_ABSTIME). The
 * date is computed, and kept in our own image: a timer of CLOCK_REALTIME fires at its date however
 * long the pause was, as it does after a suspend. On CLOCK_MONOTONIC the time left counts, for that
 * clock stands still in a suspend.
 */
final class Timerfd {
    private static final long SECOND = 1_000_000_000;
    private static final int REALTIME = 0;
    private static final int REALTIME_ALARM = 8;
    private static final int BOOTTIME = 7;
    private static final int BOOTTIME_ALARM = 9;

    private Timerfd() {}

    static file_entry dump(int id, OpenFile file, FileExtras extras) {
        Fdinfo.Timerfd info = file.info().timerfd().orElseThrow();
        boolean runs = info.valueSec() != 0 || info.valueNsec() != 0;
        if ((info.settimeFlags() & TFD_TIMER_ABSTIME) != 0 && runs) {
            info = Fdinfo.read(file.pid(), file.fd()).timerfd().orElseThrow();
            long[] now = clock(info.clockId());
            long nanos = now[1] + info.valueNsec();
            extras.of(id)
                    .setExpiresSec(now[0] + info.valueSec() + nanos / SECOND)
                    .setExpiresNsec((int) (nanos % SECOND));
        }
        return file_entry
                .newBuilder()
                .setType(fd_types.TIMERFD)
                .setId(id)
                .setTfd(
                        timerfd_entry
                                .newBuilder()
                                .setId(id)
                                .setFlags(file.flags())
                                .setFown(file.fown())
                                .setClockid(info.clockId())
                                .setTicks(info.ticks())
                                .setSettimeFlags(info.settimeFlags())
                                .setVsec(info.valueSec())
                                .setVnsec(info.valueNsec())
                                .setIsec(info.intervalSec())
                                .setInsec(info.intervalNsec()))
                .build();
    }

    private static long[] clock(int id) {
        try (NativeMemory out = NativeMemory.allocate(16)) {
            Native.check(Native.call(Syscall.CLOCK_GETTIME, id, out.address()), "clock_gettime");
            return new long[] {out.getLong(0), out.getLong(8)};
        }
    }

    /**
     * Makes the timer; it runs at once.
     *
     * @param extras our own part, or null
     */
    static Fd restore(timerfd_entry entry, jcriu_file extras) {
        Fd fd =
                new Fd(
                        Native.check(
                                Native.call(
                                        Syscall.TIMERFD_CREATE,
                                        entry.getClockid(),
                                        entry.getFlags() & O_NONBLOCK | O_CLOEXEC),
                                "timerfd_create for clock " + entry.getClockid()),
                        "timerfd");
        try (NativeMemory value = NativeMemory.allocate(32)) {
            value.putLong(0, entry.getIsec());
            value.putLong(8, entry.getInsec());
            // the image holds the time that was left, whatever the timer was set to; a timer that
            // has expired, and repeats once it is read, says 0
            boolean disarmed = entry.getVsec() == 0 && entry.getVnsec() == 0;
            boolean expired = entry.getTicks() != 0 && disarmed;
            value.putLong(16, expired ? entry.getIsec() : entry.getVsec());
            value.putLong(24, expired ? entry.getInsec() : entry.getVnsec());
            int flags = 0;
            if ((entry.getSettimeFlags() & TFD_TIMER_ABSTIME) != 0 && !disarmed) {
                long[] date = date(entry, extras);
                value.putLong(16, date[0]);
                value.putLong(24, date[1]);
                flags = entry.getSettimeFlags() & (TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
            }
            Native.check(
                    Native.call(Syscall.TIMERFD_SETTIME, fd.number(), flags, value.address(), 0),
                    "timerfd_settime");
            if (entry.getTicks() != 0) {
                value.putLong(0, entry.getTicks());
                Native.check(
                        Native.call(Syscall.IOCTL, fd.number(), TFD_IOC_SET_TICKS, value.address()),
                        "set the ticks of a timerfd");
            }
        }
        return fd;
    }

    /** {seconds, nanoseconds} on the timer's clock. */
    private static long[] date(timerfd_entry entry, jcriu_file extras) {
        int clock = entry.getClockid();
        long[] now = clock(clock);
        long nanos = now[1] + entry.getVnsec();
        long[] left = {now[0] + entry.getVsec() + nanos / SECOND, nanos % SECOND};
        if (extras == null || !extras.hasExpiresSec()) {
            return left;
        }
        long[] date = {extras.getExpiresSec(), extras.getExpiresNsec()};
        if (clock == REALTIME || clock == REALTIME_ALARM) {
            return date;
        }
        // a reboot sets CLOCK_BOOTTIME back: the date would be too late then
        boolean sooner = date[0] < left[0] || date[0] == left[0] && date[1] < left[1];
        return (clock == BOOTTIME || clock == BOOTTIME_ALARM) && sooner ? date : left;
    }
}
