package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.HashMap;
import java.util.Map;
import java.util.function.IntConsumer;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.proto.TtyType;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.termios_entry;
import jcriu.image.proto.tty_file_entry;
import jcriu.image.proto.tty_info_entry;
import jcriu.image.proto.tty_pty_entry;
import jcriu.image.proto.winsize_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * The terminal of a shell job: the slave end of a pty whose master somebody else holds. Under
 * {@code --shell-job} it is dumped by its settings, and restored as the terminal that jcriu itself
 * runs in.
 *
 * <p>Source: tty_ioctl(2), pty(7).
 */
public final class Tty {
    static final int PTS_FIRST = 136;
    private static final int PTS_LAST = 143;
    private static final int TERMIOS_SIZE = 36;

    private Tty() {}

    static boolean isPts(long major) {
        return major >= PTS_FIRST && major <= PTS_LAST;
    }

    static boolean isTty(FileStat stat) {
        long major = stat.rdev() >> 20;
        return stat.type() == S_IFCHR
                && (major >= PTS_FIRST && major <= PTS_LAST || major == 4 || major == 5);
    }

    static void check(OpenFile file, boolean shellJob) {
        long major = file.stat().rdev() >> 20;
        String name = file.link().name();
        if (major < PTS_FIRST || major > PTS_LAST) {
            throw (UnsupportedStateException)
                    new UnsupportedStateException(
                                    file.subject()
                                            + " is the terminal device "
                                            + name
                                            + ", which is not supported")
                            .withHint(
                                    "give the restore another for it: add --external "
                                            + External.tty(file.stat())
                                            + " here, and there --inherit-fd; see"
                                            + " docs/limits.md#terminals");
        }
        if (!shellJob) {
            throw (UnsupportedStateException)
                    new UnsupportedStateException(
                                    file.subject()
                                            + " is the terminal "
                                            + name
                                            + ", which belongs to a shell")
                            .withHint("dump and restore with --shell-job (-j)");
        }
    }

    /** What a terminal's settings are; id, kind and device are left to the caller. */
    static tty_info_entry.Builder info(Fd fd) {
        try (NativeMemory out = NativeMemory.allocate(64)) {
            return tty_info_entry
                    .newBuilder()
                    .setType(TtyType.PTY)
                    .setLocked(false)
                    .setExclusive(number(fd, TIOCGEXCL, out) != 0)
                    .setPacketMode(false)
                    .setSid(number(fd, TIOCGSID, out))
                    .setPgrp(number(fd, TIOCGPGRP, out))
                    .setTermios(termios(fd, out))
                    .setWinsize(winsize(fd, out));
        }
    }

    /** The terminal of a shell job. */
    static tty_info_entry info(OpenFile file, int id) {
        try (Fd fd = Fd.open(file.path(), O_RDWR | O_NOCTTY | O_NONBLOCK)) {
            return info(fd).setId(id)
                    .setRdev((int) file.stat().rdev())
                    .setPty(
                            tty_pty_entry
                                    .newBuilder()
                                    .setIndex((int) (file.stat().rdev() & 0xfffff)))
                    .setUid(file.stat().uid())
                    .setGid(file.stat().gid())
                    .build();
        }
    }

    private static int number(Fd fd, long request, NativeMemory out) {
        out.putInt(0, 0);
        long r = Native.call(Syscall.IOCTL, fd.number(), request, out.address());
        return Native.failed(r) ? 0 : out.getInt(0);
    }

    private static termios_entry termios(Fd fd, NativeMemory out) {
        out.clear();
        Native.check(
                Native.call(Syscall.IOCTL, fd.number(), TCGETS, out.address()),
                "settings of " + fd.name());
        termios_entry.Builder t =
                termios_entry
                        .newBuilder()
                        .setCIflag(out.getInt(0))
                        .setCOflag(out.getInt(4))
                        .setCCflag(out.getInt(8))
                        .setCLflag(out.getInt(12))
                        .setCLine(out.get(16, 1)[0])
                        .setCIspeed(0)
                        .setCOspeed(0);
        IntConsumer add = t::addCCc;
        for (byte c : out.get(17, 19)) {
            add.accept(c & 0xff);
        }
        return t.build();
    }

    private static winsize_entry winsize(Fd fd, NativeMemory out) {
        out.clear();
        Native.call(Syscall.IOCTL, fd.number(), TIOCGWINSZ, out.address());
        return winsize_entry
                .newBuilder()
                .setWsRow(out.getInt(0) & 0xffff)
                .setWsCol(out.getInt(0) >>> 16)
                .setWsXpixel(out.getInt(4) & 0xffff)
                .setWsYpixel(out.getInt(4) >>> 16)
                .build();
    }

    /** A termios in the kernel's layout. */
    static byte[] bytes(termios_entry t) {
        java.nio.ByteBuffer out =
                java.nio.ByteBuffer.allocate(TERMIOS_SIZE).order(java.nio.ByteOrder.nativeOrder());
        out.putInt(t.getCIflag()).putInt(t.getCOflag()).putInt(t.getCCflag()).putInt(t.getCLflag());
        out.put((byte) t.getCLine());
        for (int i = 0; i < Math.min(19, t.getCCcCount()); i++) {
            out.put((byte) t.getCCc(i));
        }
        return out.array();
    }

    static void setWindow(Fd fd, winsize_entry size) {
        try (NativeMemory in = NativeMemory.allocate(8)) {
            in.putInt(0, size.getWsRow() & 0xffff | size.getWsCol() << 16);
            in.putInt(4, size.getWsXpixel() & 0xffff | size.getWsYpixel() << 16);
            Native.check(
                    Native.call(Syscall.IOCTL, fd.number(), TIOCSWINSZ, in.address()),
                    "set the window size of " + fd.name());
        }
    }

    /** A terminal that the restore will be given, with whatever settings it has then. */
    static tty_info_entry external(OpenFile file, int id) {
        return tty_info_entry
                .newBuilder()
                .setId(id)
                .setType(TtyType.EXT_TTY)
                .setLocked(false)
                .setExclusive(false)
                .setPacketMode(false)
                .setSid(0)
                .setPgrp(0)
                .setRdev((int) file.stat().rdev())
                .setDev((int) file.stat().dev())
                .build();
    }

    /**
     * @param regId the file that says its path; 0 if there is none
     */
    static file_entry dump(int id, int infoId, int regId, OpenFile file) {
        tty_file_entry.Builder tty =
                tty_file_entry
                        .newBuilder()
                        .setId(id)
                        .setTtyInfoId(infoId)
                        .setFlags(file.flags())
                        .setFown(file.fown());
        if (regId != 0) {
            tty.setRegfId(regId);
        }
        return file_entry.newBuilder().setType(fd_types.TTY).setId(id).setTty(tty).build();
    }

    /** Our own terminal, into which a shell job is restored. */
    public static final class Restored {
        private final Map<Integer, tty_info_entry> infos = new HashMap<>();
        private String terminal;
        private tty_info_entry used;

        Restored(ImageDir images) {
            try (ImageReader in = images.reader(ImageType.TTY_INFO)) {
                for (tty_info_entry info : in.readAll(tty_info_entry.parser())) {
                    infos.put(info.getId(), info);
                }
            }
        }

        /** What is known of a terminal; null where the images say nothing. */
        tty_info_entry info(tty_file_entry entry) {
            return infos.get(entry.getTtyInfoId());
        }

        Fd open(tty_file_entry entry, boolean shellJob) {
            tty_info_entry info = infos.get(entry.getTtyInfoId());
            if (info == null) {
                throw new ImageFormatException(
                        "tty-info.img", -1, "has no terminal " + entry.getTtyInfoId());
            }
            if (!shellJob) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED, "the tree was dumped with its terminal")
                        .withHint("restore with --shell-job (-j), in a terminal");
            }
            if (terminal == null) {
                terminal = findOurs();
                used = info;
                if (info.hasTermios()) {
                    apply(info.getTermios());
                }
            }
            return Fd.open(terminal, RegFile.openFlags(entry.getFlags()));
        }

        private static String findOurs() {
            for (int fd = 0; fd < 3; fd++) {
                FileStat stat = FileStat.tryOf("/proc/self/fd/" + fd);
                if (stat != null && stat.type() == S_IFCHR && isTty(stat)) {
                    return "/proc/self/fd/" + fd;
                }
            }
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            "the tree needs a terminal, and jcriu does not run in one")
                    .withHint("run jcriu restore --shell-job in a terminal");
        }

        private void apply(termios_entry t) {
            try (Fd fd = Fd.open(terminal, O_RDWR | O_NOCTTY);
                    NativeMemory out = NativeMemory.allocate(64)) {
                out.put(0, bytes(t));
                Native.check(
                        Native.call(Syscall.IOCTL, fd.number(), TCSETS, out.address()),
                        "set up our terminal");
            }
        }

        /** Puts the group that had the terminal at the dump in front again. */
        public void foreground(int pgidOfRoot) {
            if (terminal == null || used.getPgrp() != pgidOfRoot) {
                return;
            }
            setForeground(pgidOfRoot);
        }

        /** Makes a process group of our session the foreground group of our terminal. */
        public void setForeground(int pgrp) {
            if (terminal == null) {
                return;
            }
            try (Fd fd = Fd.open(terminal, O_RDWR | O_NOCTTY);
                    NativeMemory word = NativeMemory.allocate(16)) {
                word.putInt(0, pgrp);
                word.putLong(8, 1L << 21); // SIGTTOU stays blocked while we are in the background
                Native.call(Syscall.RT_SIGPROCMASK, 0, word.address() + 8, 0, 8);
                Native.call(Syscall.IOCTL, fd.number(), TIOCSPGRP, word.address());
                Native.call(Syscall.RT_SIGPROCMASK, 1, word.address() + 8, 0, 8);
            }
        }
    }
}
