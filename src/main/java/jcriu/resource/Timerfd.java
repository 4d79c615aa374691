package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.timerfd_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** timerfd_create(2): the time left, the interval, expirations that nobody has read. */
final class Timerfd {
    private Timerfd() {}

    static file_entry dump(int id, OpenFile file) {
        var info = file.info().timerfd().orElseThrow();
        return file_entry
                .newBuilder()
                .setType(fd_types.TIMERFD)
                .setId(id)
                .setTfd(
                        timerfd_entry
                                .newBuilder()
                                .setId(id)
                                .setFlags(file.flags())
                                .setFown(OpenFile.noOwner())
                                .setClockid(info.clockId())
                                .setTicks(info.ticks())
                                .setSettimeFlags(info.settimeFlags())
                                .setVsec(info.valueSec())
                                .setVnsec(info.valueNsec())
                                .setIsec(info.intervalSec())
                                .setInsec(info.intervalNsec()))
                .build();
    }

    static Fd restore(timerfd_entry entry) {
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
            boolean expired =
                    entry.getTicks() != 0 && entry.getVsec() == 0 && entry.getVnsec() == 0;
            value.putLong(16, expired ? entry.getIsec() : entry.getVsec());
            value.putLong(24, expired ? entry.getInsec() : entry.getVnsec());
            Native.check(
                    Native.call(Syscall.TIMERFD_SETTIME, fd.number(), 0, value.address(), 0),
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
}
