package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FdinfoTest {
    private static final String COMMON =
            "pos:\t5646\nflags:\t02100001\nmnt_id:\t27\nino:\t2146326\n";

    private static Fdinfo parse(String more) {
        String text = COMMON + more;
        return Fdinfo.parse(ProcText.bytes(text), ProcText.length(text));
    }

    @Test
    void shouldTakeTheCommonLines() {
        Fdinfo file = parse("");
        assertEquals(5646, file.pos());
        assertEquals(02100001, file.flags());
        assertEquals(27, file.mntId());
        assertEquals(2146326, file.ino());
        assertEquals(Optional.empty(), file.eventfd());
        assertEquals(Optional.empty(), file.timerfd());
        assertEquals(Optional.empty(), file.sigmask());
        assertEquals(Optional.empty(), file.pidfd());
        assertEquals(List.of(), file.tfds());
        assertEquals(List.of(), file.other());
    }

    @Test
    void shouldTakeAnEventfd() {
        assertEquals(
                Optional.of(new Fdinfo.Eventfd(0x1f, 1, true)),
                parse("eventfd-count:               1f\neventfd-id: 1\neventfd-semaphore: 1\n")
                        .eventfd());
        assertEquals(
                Optional.of(new Fdinfo.Eventfd(-2L, -1, false)),
                parse("eventfd-count: fffffffffffffffe\n").eventfd());
    }

    @Test
    void shouldTakeEveryTfdOfAnEpoll() {
        assertEquals(
                List.of(
                        new Fdinfo.Tfd(6, 0x1c, 7, 0, 0x1f3d, 0xf),
                        new Fdinfo.Tfd(3, 0x80000019, 0xdeadbeefcafebabeL, 9, 0x40e, 0xfe00010)),
                parse(
                                "tfd:        6 events:       1c data:                7  pos:0 ino:1f3d sdev:f\n"
                                        + "tfd:        3 events: 80000019 data: deadbeefcafebabe  pos:9"
                                        + " ino:40e sdev:fe00010\n")
                        .tfds());
        assertEquals(
                List.of(new Fdinfo.Tfd(5, 0x1d, -1, 0, 0, 0)),
                parse("tfd:        5 events:       1d data: ffffffffffffffff\n").tfds());
    }

    @Test
    void shouldTakeASignalfd() {
        assertEquals(
                Optional.of(0x8000000000000200L), parse("sigmask:\t8000000000000200\n").sigmask());
    }

    @Test
    void shouldTakeATimerfd() {
        assertEquals(
                Optional.of(new Fdinfo.Timerfd(1, 4, 3, 99, 997580719, 1, 500)),
                parse(
                                "clockid: 1\nticks: 4\nsettime flags: 03\nit_value: (99, 997580719)\n"
                                        + "it_interval: (1, 500)\n")
                        .timerfd());
    }

    @Test
    void shouldTakeAPidfd() {
        Fdinfo.Pidfd pidfd = parse("Pid:\t4368\nNSpid:\t4368\t12\n").pidfd().orElseThrow();
        assertEquals(4368, pidfd.pid());
        assertArrayEquals(new int[] {4368, 12}, pidfd.nsPid());
        assertEquals(-1, parse("Pid:\t-1\nNSpid:\t-1\n").pidfd().orElseThrow().pid());
    }

    @Test
    void shouldKeepOtherLinesAsTheyAre() {
        String inotify =
                "inotify wd:1 ino:3f7e8 sdev:fe00000 mask:100 ignored_mask:0 fhandle-bytes:8"
                        + " fhandle-type:1 f_handle:e8f7030000000000";
        Fdinfo info =
                parse(
                        inotify
                                + "\nfanotify flags:0 event-flags:8000\nfanotify ino:3f7e8 mask:20\n"
                                + "lock:\t1: FLOCK  ADVISORY  WRITE 4368 fe:00:2146332 0 EOF\n"
                                + "SqMask:\t0x7\n");
        assertEquals(List.of(inotify), info.inotify());
        assertEquals(
                List.of("fanotify flags:0 event-flags:8000", "fanotify ino:3f7e8 mask:20"),
                info.fanotify());
        assertEquals(List.of("1: FLOCK  ADVISORY  WRITE 4368 fe:00:2146332 0 EOF"), info.locks());
        assertEquals(List.of("SqMask:\t0x7"), info.other());
    }

    @Test
    void shouldReadAFileOfOurOwn(@TempDir Path dir) throws IOException {
        int pid = (int) ProcessHandle.current().pid();
        File file = dir.resolve("a x").toFile();
        try (RandomAccessFile open = new RandomAccessFile(file, "rw")) {
            open.write(new byte[123]);
            int fd = fdOf(pid, file.getPath());
            Fdinfo info = Fdinfo.read(pid, fd);
            assertEquals(123, info.pos());
            assertEquals(2, info.flags() & 3);
            assertTrue(MountInfo.read(pid).tryById(info.mntId()).isPresent());
            assertTrue(file.delete());
            assertTrue(FdLink.read(pid, fd).deleted());
        }
    }

    @Test
    void shouldTellAClosedDescriptorFromADeadTask() {
        int pid = (int) ProcessHandle.current().pid();
        SyscallException e =
                assertThrows(SyscallException.class, () -> Fdinfo.read(pid, Integer.MAX_VALUE));
        assertEquals(Errno.ENOENT, e.errno());
    }

    private static int fdOf(int pid, String path) {
        for (int fd : ProcFs.fds(pid)) {
            try {
                if (FdLink.read(pid, fd).name().equals(path)) {
                    return fd;
                }
            } catch (SyscallException e) {
                continue; // listing the directory took a descriptor itself
            }
        }
        throw new AssertionError(path + " is not open");
    }
}
