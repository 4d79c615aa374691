package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import jcriu.errors.UnsupportedStateException;
import jcriu.image.proto.eventpoll_file_entry;
import jcriu.image.proto.eventpoll_tfd_entry;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Fdinfo;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.tracee.RemoteBatch;

/** epoll(7): the watched descriptors, with their masks and words. */
final class Eventpoll {
    private Eventpoll() {}

    /** Refuses an instance that watches files which this table does not hold at those numbers. */
    static void check(OpenFile file) {
        for (Fdinfo.Tfd tfd : file.info().tfds()) {
            FileStat now = FileStat.tryOf("/proc/" + file.pid() + "/fd/" + tfd.tfd());
            if (now == null || tfd.ino() != 0 && now.ino() != tfd.ino()) {
                throw (UnsupportedStateException)
                        new UnsupportedStateException(
                                        file.subject()
                                                + " is an epoll instance that watches a file"
                                                + " which is no longer descriptor "
                                                + tfd.tfd())
                                .withHint("see docs/limits.md#epoll");
            }
        }
    }

    static file_entry dump(int id, OpenFile file) {
        eventpoll_file_entry.Builder entry =
                eventpoll_file_entry
                        .newBuilder()
                        .setId(id)
                        .setFlags(file.flags())
                        .setFown(OpenFile.noOwner());
        for (Fdinfo.Tfd tfd : file.info().tfds()) {
            entry.addTfd(
                    eventpoll_tfd_entry
                            .newBuilder()
                            .setId(0)
                            .setTfd(tfd.tfd())
                            .setEvents(tfd.events())
                            .setData(tfd.data())
                            .setDev(tfd.sdev())
                            .setInode(tfd.ino())
                            .setPos(tfd.pos()));
        }
        return file_entry.newBuilder().setType(fd_types.EVENTPOLL).setId(id).setEpfd(entry).build();
    }

    static Fd restore() {
        return new Fd(
                Native.check(Native.call(Syscall.EPOLL_CREATE1, O_CLOEXEC), "epoll_create1"),
                "epoll");
    }

    /** Adds the watches in a task that has the instance at {@code fd} and the watched files. */
    static void restoreWatches(eventpoll_file_entry entry, int fd, RemoteBatch batch) {
        for (eventpoll_tfd_entry tfd : entry.getTfdList()) {
            // struct epoll_event is packed on x86-64: u32 events, u64 data
            long event = batch.data(16);
            batch.putInt(event, tfd.getEvents());
            batch.putInt(event + 4, (int) tfd.getData());
            batch.putInt(event + 8, (int) (tfd.getData() >>> 32));
            batch.add(
                    "watch fd " + tfd.getTfd() + " by epoll fd " + fd,
                    Syscall.EPOLL_CTL,
                    fd,
                    EPOLL_CTL_ADD,
                    tfd.getTfd(),
                    event);
        }
    }
}
