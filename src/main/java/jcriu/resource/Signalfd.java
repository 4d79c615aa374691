package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.signalfd_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** signalfd(2): the signals that it accepts. */
final class Signalfd {
    private Signalfd() {}

    static file_entry dump(int id, OpenFile file) {
        return file_entry
                .newBuilder()
                .setType(fd_types.SIGNALFD)
                .setId(id)
                .setSgfd(
                        signalfd_entry
                                .newBuilder()
                                .setId(id)
                                .setFlags(file.flags())
                                .setFown(file.fown())
                                .setSigmask(file.info().sigmask().orElseThrow()))
                .build();
    }

    static Fd restore(signalfd_entry entry) {
        try (NativeMemory mask = NativeMemory.allocate(8)) {
            mask.putLong(0, entry.getSigmask());
            return new Fd(
                    Native.check(
                            Native.call(
                                    Syscall.SIGNALFD4,
                                    -1,
                                    mask.address(),
                                    8,
                                    entry.getFlags() & O_NONBLOCK | O_CLOEXEC),
                            "signalfd4"),
                    "signalfd");
        }
    }
}
