package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import jcriu.image.proto.eventfd_file_entry;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** eventfd(2): a counter, and whether it counts down by one. */
final class Eventfd {
    private Eventfd() {}

    static file_entry dump(int id, OpenFile file) {
        var info = file.info().eventfd().orElseThrow();
        return file_entry
                .newBuilder()
                .setType(fd_types.EVENTFD)
                .setId(id)
                .setEfd(
                        eventfd_file_entry
                                .newBuilder()
                                .setId(id)
                                .setFlags(file.flags() | (info.semaphore() ? EFD_SEMAPHORE : 0))
                                .setFown(file.fown())
                                .setCounter(info.count()))
                .build();
    }

    static Fd restore(eventfd_file_entry entry) {
        int flags = entry.getFlags() & (O_NONBLOCK | EFD_SEMAPHORE) | O_CLOEXEC;
        Fd fd =
                new Fd(
                        Native.check(Native.call(Syscall.EVENTFD2, 0, flags), "eventfd2"),
                        "eventfd");
        if (entry.getCounter() != 0) {
            try (NativeMemory word = NativeMemory.allocate(8)) {
                word.putLong(0, entry.getCounter());
                Native.check(
                        Native.call(Syscall.WRITE, fd.number(), word.address(), 8),
                        "set the counter of an eventfd");
            }
        }
        return fd;
    }
}
