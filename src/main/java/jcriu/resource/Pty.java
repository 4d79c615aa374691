package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import com.google.protobuf.ByteString;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import jcriu.errors.Errno;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.UnsupportedStateException;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.TtyType;
import jcriu.image.proto.jcriu_file;
import jcriu.image.proto.reg_file_entry;
import jcriu.image.proto.tty_data_entry;
import jcriu.image.proto.tty_file_entry;
import jcriu.image.proto.tty_info_entry;
import jcriu.image.proto.tty_pty_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * Pseudoterminals whose master is open in the tree, pty(7): settings, window size, packet mode,
 * lock, the session that it controls, and the bytes that are on their way in both directions.
 *
 * <p>A restored pair has its old number: the kernel hands out the lowest that is free, so pairs are
 * made until it comes.
 *
 * <p>Bytes can only be read by taking them; they are put back at once, while the tree is stopped,
 * through the other end and past all processing of characters.
 *
 * <p>Source: tty_ioctl(2), ioctl_tty(2), termios(3).
 */
public final class Pty {
    private static final long PTMX = 5L << 20 | 2;
    private static final long CURRENT = 5L << 20;
    private static final int INDEX_MASK = 0xfffff;
    private static final String FDINFO_INDEX = "tty-index:";

    /** Above the ids of all ptys. */
    private static final int FIRST_EXTERNAL = 1 << 24;

    private static final int TERMIOS_SIZE = 36;
    private static final int LFLAG = 12;
    private static final int CC = 17;
    private static final int POLLIN = 1;
    private static final int POLLPRI = 2;
    private static final int POLLOUT = 4;
    private static final int IXON = 0x400;
    private static final int VSTOP = 9;
    private static final byte STOP = 0x13;
    private static final int VTIME = 5;
    private static final int VMIN = 6;
    private static final int ICANON = 2;
    private static final int OPOST = 1;

    private static final int CHUNK = 4096;
    private static final long ARRIVAL_NANOS = 1_000_000_000;
    private static final long PAUSE_NANOS = 200_000;
    private static final long SETTLE_NANOS = 10_000_000;

    private Pty() {}

    static boolean isMaster(FileStat stat) {
        return stat.rdev() == PTMX;
    }

    static boolean isCurrent(FileStat stat) {
        return stat.rdev() == CURRENT;
    }

    /** The number of the pair that a descriptor is an end of; -1 if it is no pty. */
    private static int index(OpenFile file) {
        if (isMaster(file.stat())) {
            for (String line : file.info().other()) {
                if (line.startsWith(FDINFO_INDEX)) {
                    return Integer.parseInt(line.substring(FDINFO_INDEX.length()).strip());
                }
            }
            return -1;
        }
        if (isCurrent(file.stat())) {
            try (Fd fd = Fd.take(file.pid(), file.fd());
                    NativeMemory word = NativeMemory.allocate(8)) {
                long r = Native.call(Syscall.IOCTL, fd.number(), TIOCGDEV, word.address());
                int dev = Native.failed(r) ? 0 : word.getInt(0);
                // new_encode_dev: minor's low 8 bits, 12 bits of major, minor's other bits
                int major = dev >>> 8 & 0xfff;
                return Tty.isPts(major) ? dev & 0xff | dev >>> 12 & 0xfff00 : -1;
            }
        }
        return Tty.isPts(file.stat().rdev() >> 20) ? (int) file.stat().rdev() & INDEX_MASK : -1;
    }

    private static int slaveInfo(int index) {
        return 2 * index + 1;
    }

    private static int masterInfo(int index) {
        return 2 * index + 2;
    }

    // ------------------------------------------------------------------ dump

    /** The terminals of a dump, or of the check before it, until all descriptors are known. */
    static final class Found {
        private final Map<Integer, OpenFile> masters = new TreeMap<>();
        private final Map<Integer, Integer> masterIds = new HashMap<>();
        private final Map<Integer, OpenFile> slaves = new TreeMap<>();
        private final List<OpenFile> others = new ArrayList<>();
        private final Map<Long, Integer> externals = new HashMap<>();
        private final List<tty_info_entry> infos = new ArrayList<>();
        private final List<tty_data_entry> data = new ArrayList<>();

        /**
         * Adds a descriptor.
         *
         * @param id of its file entry
         * @return the id by which that names the terminal
         */
        int add(OpenFile file, int id) {
            int index = index(file);
            if (isMaster(file.stat()) && index >= 0) {
                masters.put(index, file);
                masterIds.put(index, id);
                return masterInfo(index);
            }
            others.add(file);
            OpenFile known = slaves.get(index);
            if (known == null || isCurrent(known.stat())) {
                slaves.put(index, file);
            }
            return slaveInfo(index);
        }

        /** Adds a terminal that the restore will be given; its id. */
        int addExternal(OpenFile file) {
            long device = file.stat().dev() << 32 | file.stat().rdev();
            Integer known = externals.get(device);
            if (known == null) {
                known = FIRST_EXTERNAL + externals.size();
                externals.put(device, known);
                infos.add(Tty.external(file, known));
            }
            return known;
        }

        /** Refuses terminals whose master is elsewhere, unless it is the one of a shell job. */
        void check(boolean shellJob) {
            for (OpenFile file : others) {
                if (!masters.containsKey(index(file))) {
                    Tty.check(file, shellJob);
                }
            }
        }

        /** Looks at all terminals of the frozen tree. */
        void resolve(boolean shellJob, FileExtras extras) {
            check(shellJob);
            for (Map.Entry<Integer, OpenFile> one : slaves.entrySet()) {
                if (!masters.containsKey(one.getKey())) {
                    infos.add(Tty.info(one.getValue(), slaveInfo(one.getKey())));
                }
            }
            masters.forEach((index, master) -> pair(index, master, extras));
        }

        private void pair(int index, OpenFile masterFile, FileExtras extras) {
            OpenFile slaveFile = slaves.get(index);
            try (Fd master = Fd.take(masterFile.pid(), masterFile.fd());
                    Fd slave =
                            slaveFile == null
                                    ? null
                                    : Fd.open(
                                            isCurrent(slaveFile.stat())
                                                    ? "/dev/pts/" + index
                                                    : slaveFile.path(),
                                            O_RDWR | O_NOCTTY | O_NONBLOCK)) {
                byte[] settings = settings(master);
                if (number(master, TIOCGETD) != 0) {
                    throw (UnsupportedStateException)
                            new UnsupportedStateException(
                                            masterFile.subject()
                                                    + " is a pty with a line discipline of its"
                                                    + " own, which is not supported")
                                    .withHint("see docs/limits.md#terminals");
                }
                int packet = number(master, TIOCGPKT);
                FileStat node = FileStat.tryOf("/dev/pts/" + index);
                tty_info_entry.Builder info =
                        Tty.info(master)
                                .setType(TtyType.PTY)
                                .setPty(tty_pty_entry.newBuilder().setIndex(index))
                                .setUid(node == null ? 0 : node.uid())
                                .setGid(node == null ? 0 : node.gid());
                infos.add(
                        info.setId(masterInfo(index))
                                .setRdev((int) PTMX)
                                .setLocked(number(master, TIOCGPTLCK) != 0)
                                .setPacketMode(packet != 0)
                                .setExclusive(number(master, TIOCGEXCL) != 0)
                                .build());
                if (slaveFile != null) {
                    infos.add(
                            info.setId(slaveInfo(index))
                                    .setRdev(Tty.PTS_FIRST << 20 | index)
                                    .setPacketMode(false)
                                    .setExclusive(number(slave, TIOCGEXCL) != 0)
                                    .build());
                }
                if (packet != 0 && polls(master, POLLPRI)) {
                    throw (UnsupportedStateException)
                            new UnsupportedStateException(
                                            masterFile.subject()
                                                    + " is the master of a pty in packet mode with"
                                                    + " a status to read, which is not supported")
                                    .withHint("see docs/limits.md#terminals");
                }
                // what we do to its settings and its flow is no packet
                set(master, TIOCPKT, 0);
                try {
                    contents(index, master, slave, settings, masterFile, extras);
                } finally {
                    set(master, TIOCPKT, packet);
                }
            }
        }

        private void contents(
                int index,
                Fd master,
                Fd slave,
                byte[] settings,
                OpenFile masterFile,
                FileExtras extras) {
            if (slave == null) {
                if (number(master, FIONREAD) != 0) {
                    throw (UnsupportedStateException)
                            new UnsupportedStateException(
                                            masterFile.subject()
                                                    + " is the master of a pty with bytes to read,"
                                                    + " whose other end is closed")
                                    .withHint("see docs/limits.md#terminals");
                }
                return;
            }
            byte[] output = readAll(master);
            Stopped stopped = Stopped.NOT;
            try {
                stopped = start(master, slave);
                if (stopped != Stopped.NOT) {
                    output = join(output, echo(master, slave));
                }
                if (output.length != 0) {
                    writeOutput(master, slave, settings, output);
                }
                add(masterInfo(index), output);
                add(slaveInfo(index), copyInput(master, slave, settings));
            } finally {
                stop(stopped, master, slave, settings);
            }
            if (stopped != Stopped.NOT) {
                extras.of(masterIds.get(index)).setOutputStopped(stopped.number);
            }
        }

        private void add(int info, byte[] bytes) {
            if (bytes.length != 0) {
                data.add(
                        tty_data_entry
                                .newBuilder()
                                .setTtyId(info)
                                .setData(ByteString.copyFrom(bytes))
                                .build());
            }
        }

        void write(ImageDir images) {
            if (!infos.isEmpty()) {
                try (ImageWriter out = images.writer(ImageType.TTY_INFO)) {
                    infos.forEach(out::write);
                }
            }
            if (!data.isEmpty()) {
                try (ImageWriter out = images.writer(ImageType.TTY_DATA)) {
                    data.forEach(out::write);
                }
            }
        }
    }

    // ------------------------------------------------------------------ flow

    /** Whether the slave's side can write: not once the stop character came, or tcflow(3). */
    private enum Stopped {
        NOT(0),
        BY_CHARACTER(1),
        BY_CALL(2);

        /** In the images. */
        private final int number;

        Stopped(int number) {
            this.number = number;
        }

        static Stopped of(int number) {
            for (Stopped stopped : values()) {
                if (stopped.number == number) {
                    return stopped;
                }
            }
            throw new ImageFormatException(
                    "jcriu-files.img", -1, "output is stopped in the way " + number);
        }
    }

    /**
     * Lets output flow, which nothing is waiting in.
     *
     * @return how it was stopped: only what tcflow(3) has stopped does it start again
     */
    private static Stopped start(Fd master, Fd slave) {
        if (awaitPoll(slave, POLLOUT, true)) {
            return Stopped.NOT;
        }
        flow(slave, TCOON);
        if (polls(slave, POLLOUT)) {
            return Stopped.BY_CALL;
        }
        flow(slave, TCOOFF);
        flow(slave, TCOON);
        if (!polls(slave, POLLOUT)) {
            throw new JcriuException(Kind.INTERNAL, master.name() + " takes no output");
        }
        return Stopped.BY_CHARACTER;
    }

    /** What was typed meanwhile is echoed as soon as somebody writes: behind what is there. */
    private static byte[] echo(Fd master, Fd slave) {
        Native.check(
                Native.call(Syscall.WRITE, slave.number(), 0, 0), "flush the echo of " + slave);
        awaitPoll(master, POLLIN, true);
        return readAll(master);
    }

    private static byte[] join(byte[] first, byte[] second) {
        byte[] both = java.util.Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    /** Stops it in the same way; the settings are as they were. */
    private static void stop(Stopped stopped, Fd master, Fd slave, byte[] settings) {
        if (stopped == Stopped.BY_CALL) {
            flow(slave, TCOOFF);
        } else if (stopped == Stopped.BY_CHARACTER) {
            byte[] stopping = settings.clone();
            putWord(stopping, 0, word(settings, 0) | IXON);
            stopping[CC + VSTOP] = STOP;
            apply(master, stopping);
            write(master, new byte[] {STOP}, 0, 1);
            awaitPoll(slave, POLLOUT, false);
            apply(master, settings);
        }
    }

    private static void flow(Fd slave, int action) {
        Native.check(
                Native.call(Syscall.IOCTL, slave.number(), TCXONC, action),
                "stop or start " + slave.name());
    }

    private static boolean polls(Fd end, int event) {
        try (NativeMemory words = NativeMemory.allocate(32)) {
            // struct pollfd {s32 fd; s16 events, revents}; struct timespec of 0
            words.putInt(0, end.number());
            words.putInt(4, event);
            words.putLong(8, 0);
            words.putLong(16, 0);
            Native.check(
                    Native.call(Syscall.PPOLL, words.address(), 1, words.address() + 8, 0, 0),
                    "poll " + end.name());
            return (words.getInt(4) >> 16 & event) != 0;
        }
    }

    /** Waits, for the kernel moves bytes when it can; whether it came to that. */
    private static boolean awaitPoll(Fd end, int event, boolean wanted) {
        long deadline = System.nanoTime() + (wanted ? SETTLE_NANOS : ARRIVAL_NANOS);
        while (polls(end, event) != wanted) {
            if (System.nanoTime() - deadline > 0) {
                return false;
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        return true;
    }

    // ------------------------------------------------------------------ bytes

    /** What was written to the master and the slave's side has not read. */
    private static byte[] copyInput(Fd master, Fd slave, byte[] settings) {
        boolean lines = (word(settings, LFLAG) & ICANON) != 0;
        if (!lines && number(slave, FIONREAD) == 0) {
            return new byte[0];
        }
        try {
            apply(master, raw(settings));
            byte[] bytes = readAll(slave);
            if (bytes.length != 0) {
                writeInput(master, slave, settings, bytes);
            }
            return bytes;
        } finally {
            apply(master, settings);
        }
    }

    private static byte[] readAll(Fd end) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        boolean waited = false;
        try (NativeMemory buffer = NativeMemory.allocate(CHUNK)) {
            while (true) {
                int ready = number(end, FIONREAD);
                if (ready == 0) {
                    if (all.size() == 0 || waited) {
                        return all.toByteArray();
                    }
                    waited = true; // room was made: the kernel may hand over more
                    LockSupport.parkNanos(PAUSE_NANOS);
                    continue;
                }
                waited = false;
                long n =
                        Native.check(
                                Native.call(
                                        Syscall.READ,
                                        end.number(),
                                        buffer.address(),
                                        Math.min(ready, CHUNK)),
                                "read what is in " + end.name());
                byte[] bytes = buffer.get(0, (int) n);
                all.write(bytes, 0, bytes.length);
            }
        }
    }

    /** Makes bytes readable at the master, as they are. */
    private static void writeOutput(Fd master, Fd slave, byte[] settings, byte[] bytes) {
        byte[] plain = settings.clone();
        putWord(plain, 4, word(plain, 4) & ~OPOST);
        try {
            apply(master, plain);
            write(slave, bytes, 0, bytes.length);
            awaitBytes(master, bytes.length);
        } finally {
            apply(master, settings);
        }
    }

    /**
     * Makes bytes readable at the slave, as they are: lines as lines, where it reads lines, and the
     * rest as a line that is being typed.
     */
    private static void writeInput(Fd master, Fd slave, byte[] settings, byte[] bytes) {
        boolean lines = (word(settings, LFLAG) & ICANON) != 0;
        byte[] plain = raw(settings);
        putWord(plain, LFLAG, lines ? ICANON : 0);
        int whole = bytes.length;
        while (lines && whole > 0 && bytes[whole - 1] != '\n') {
            whole--;
        }
        try {
            apply(master, plain);
            write(master, bytes, 0, whole);
            awaitBytes(slave, whole);
            if (whole < bytes.length) {
                write(master, bytes, whole, bytes.length);
                LockSupport.parkNanos(SETTLE_NANOS); // nothing tells when it has arrived
            }
        } finally {
            apply(master, settings);
        }
    }

    private static void write(Fd end, byte[] bytes, int from, int to) {
        if (from == to) {
            return;
        }
        try (NativeMemory buffer = NativeMemory.allocate(to - from)) {
            buffer.put(0, java.util.Arrays.copyOfRange(bytes, from, to));
            long deadline = System.nanoTime() + ARRIVAL_NANOS;
            int done = 0;
            while (done < to - from) {
                long n =
                        Native.call(
                                Syscall.WRITE,
                                end.number(),
                                buffer.address() + done,
                                to - from - done);
                if (n == -Errno.EAGAIN.number() && System.nanoTime() - deadline < 0) {
                    LockSupport.parkNanos(PAUSE_NANOS);
                    continue;
                }
                done += (int) Native.check(n, "put bytes back into " + end.name());
            }
        }
    }

    private static void awaitBytes(Fd end, int count) {
        long deadline = System.nanoTime() + ARRIVAL_NANOS;
        while (number(end, FIONREAD) < count && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
    }

    // ------------------------------------------------------------------ settings

    private static int number(Fd fd, long request) {
        try (NativeMemory out = NativeMemory.allocate(8)) {
            long r = Native.call(Syscall.IOCTL, fd.number(), request, out.address());
            return Native.failed(r) ? 0 : out.getInt(0);
        }
    }

    private static void set(Fd fd, long request, int value) {
        try (NativeMemory in = NativeMemory.allocate(8)) {
            in.putInt(0, value);
            Native.check(
                    Native.call(Syscall.IOCTL, fd.number(), request, in.address()),
                    "set up " + fd.name());
        }
    }

    private static byte[] settings(Fd fd) {
        try (NativeMemory out = NativeMemory.allocate(64)) {
            Native.check(
                    Native.call(Syscall.IOCTL, fd.number(), TCGETS, out.address()),
                    "settings of " + fd.name());
            return out.get(0, TERMIOS_SIZE);
        }
    }

    private static void apply(Fd fd, byte[] settings) {
        try (NativeMemory in = NativeMemory.allocate(64)) {
            in.put(0, settings);
            Native.check(
                    Native.call(Syscall.IOCTL, fd.number(), TCSETS, in.address()),
                    "set up " + fd.name());
        }
    }

    /** No processing at all, and a read that does not wait. */
    private static byte[] raw(byte[] settings) {
        byte[] raw = settings.clone();
        putWord(raw, 0, 0);
        putWord(raw, LFLAG, 0);
        java.util.Arrays.fill(raw, CC, TERMIOS_SIZE, (byte) 0);
        raw[CC + VTIME] = 0;
        raw[CC + VMIN] = 0;
        return raw;
    }

    private static int word(byte[] settings, int at) {
        return java.nio.ByteBuffer.wrap(settings)
                .order(java.nio.ByteOrder.nativeOrder())
                .getInt(at);
    }

    private static void putWord(byte[] settings, int at, int value) {
        java.nio.ByteBuffer.wrap(settings)
                .order(java.nio.ByteOrder.nativeOrder())
                .putInt(at, value);
    }

    // ------------------------------------------------------------------ restore

    /** The pairs of a restore. */
    public static final class Restored {
        private static final class Pair {
            private final int index;
            private final tty_info_entry masterInfo;
            private tty_info_entry slaveInfo;
            private Fd master;
            private int masterId;

            Pair(int index, tty_info_entry masterInfo) {
                this.index = index;
                this.masterInfo = masterInfo;
            }

            String path() {
                return "/dev/pts/" + index;
            }
        }

        private final Map<Integer, Pair> pairs = new TreeMap<>();
        private final Map<Integer, Pair> byInfo = new HashMap<>();
        private final Map<Integer, byte[]> data = new HashMap<>();
        private final Map<Integer, Integer> slaveModes = new HashMap<>();
        private final Map<Integer, tty_file_entry> current = new HashMap<>();
        private final Map<Integer, Fd> currentFds = new HashMap<>();

        Restored(ImageDir images) {
            List<tty_info_entry> infos = new ArrayList<>();
            try (ImageReader in = images.reader(ImageType.TTY_INFO)) {
                infos.addAll(in.readAll(tty_info_entry.parser()));
            }
            for (tty_info_entry info : infos) {
                if (info.hasPty() && (info.getRdev() & 0xffffffffL) == PTMX) {
                    Pair pair = new Pair(info.getPty().getIndex(), info);
                    pairs.put(pair.index, pair);
                    byInfo.put(info.getId(), pair);
                }
            }
            for (tty_info_entry info : infos) {
                Pair pair = info.hasPty() ? pairs.get(info.getPty().getIndex()) : null;
                if (pair != null && info != pair.masterInfo) {
                    pair.slaveInfo = info;
                    byInfo.put(info.getId(), pair);
                }
            }
            try (ImageReader in = images.reader(ImageType.TTY_DATA)) {
                for (tty_data_entry entry : in.readAll(tty_data_entry.parser())) {
                    data.put(entry.getTtyId(), entry.getData().toByteArray());
                }
            }
        }

        /** Whether a terminal is one of these pairs. */
        boolean has(tty_file_entry entry) {
            return byInfo.containsKey(entry.getTtyInfoId());
        }

        /** Says that a file is /dev/tty: it has to be opened by a task that the pty controls. */
        void addCurrent(tty_file_entry entry) {
            current.put(entry.getId(), entry);
        }

        Fd open(tty_file_entry entry, reg_file_entry reg) {
            Pair pair = byInfo.get(entry.getTtyInfoId());
            int flags = RegFile.openFlags(entry.getFlags());
            if (entry.getTtyInfoId() == pair.masterInfo.getId()) {
                make(pair, reg.getName(), flags);
                pair.masterId = entry.getId();
                return pair.master;
            }
            Fd opened = currentFds.remove(entry.getId());
            if (opened != null) {
                return opened;
            }
            if (current.containsKey(entry.getId())) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "/dev/tty was open, but no session of the tree has "
                                        + pair.path()
                                        + " as its terminal")
                        .withHint("see docs/limits.md#terminals");
            }
            make(pair, "/dev/ptmx", O_RDWR | O_NOCTTY);
            if (reg.hasMode()) {
                slaveModes.put(pair.index, reg.getMode());
            }
            return Fd.open(pair.path(), flags);
        }

        /** Makes pairs until the right number comes. */
        private static void make(Pair pair, String path, int flags) {
            if (pair.master != null) {
                return;
            }
            List<Fd> spare = new ArrayList<>();
            try {
                while (true) {
                    Fd master = Fd.open(path, flags);
                    int got = number(master, TIOCGPTN);
                    if (got == pair.index) {
                        set(master, TIOCSPTLCK, 0);
                        // nobody is in its foreground yet to get SIGWINCH
                        Tty.setWindow(master, pair.masterInfo.getWinsize());
                        pair.master = master;
                        return;
                    }
                    spare.add(master);
                    if (got > pair.index) {
                        throw new JcriuException(
                                        Kind.RESTORE_REFUSED,
                                        "the tree had the pty " + pair.path() + ", which is in use")
                                .withHint("end what uses it, or restore where it is free");
                    }
                }
            } finally {
                spare.forEach(Fd::close);
            }
        }

        /** A pair for which a session leader must become the controlling process; -1: none. */
        public int controlledBy(int sid) {
            for (Pair pair : pairs.values()) {
                if (pair.masterInfo.getSid() == sid && sid != 0) {
                    return pair.index;
                }
            }
            return -1;
        }

        int masterInfo(int index) {
            return pairs.get(index).masterInfo.getId();
        }

        /** The group that was in the foreground. */
        public int foreground(int index) {
            return pairs.get(index).masterInfo.getPgrp();
        }

        /** The files that are /dev/tty of a pair. */
        public List<tty_file_entry> currentOf(int index) {
            List<tty_file_entry> files = new ArrayList<>();
            for (tty_file_entry entry : current.values()) {
                if (byInfo.get(entry.getTtyInfoId()) == pairs.get(index)) {
                    files.add(entry);
                }
            }
            return files;
        }

        /** Takes over our descriptor of a file that a task has opened. */
        public void opened(int fileId, Fd fd) {
            currentFds.put(fileId, fd);
        }

        /** Gives the pairs their settings and bytes; every file of them has been opened. */
        void settle(Map<Integer, jcriu_file> extras) {
            for (Pair pair : pairs.values()) {
                if (pair.master == null) {
                    continue;
                }
                byte[] settings = Tty.bytes(pair.masterInfo.getTermios());
                apply(pair.master, settings);
                byte[] output = data.get(pair.masterInfo.getId());
                if (pair.slaveInfo != null) {
                    byte[] input = data.get(pair.slaveInfo.getId());
                    try (Fd slave = Fd.open(pair.path(), O_RDWR | O_NOCTTY | O_NONBLOCK)) {
                        if (output != null) {
                            writeOutput(pair.master, slave, settings, output);
                        }
                        if (input != null) {
                            writeInput(pair.master, slave, settings, input);
                        }
                        owner(pair, slave);
                        jcriu_file extra = extras.get(pair.masterId);
                        if (extra != null) {
                            stop(
                                    Stopped.of(extra.getOutputStopped()),
                                    pair.master,
                                    slave,
                                    settings);
                        }
                        if (pair.slaveInfo.getExclusive()) {
                            set(slave, TIOCEXCL, 0);
                        }
                    }
                }
                set(pair.master, TIOCPKT, pair.masterInfo.getPacketMode() ? 1 : 0);
                set(pair.master, TIOCSPTLCK, pair.masterInfo.getLocked() ? 1 : 0);
                if (pair.masterInfo.getExclusive()) {
                    set(pair.master, TIOCEXCL, 0);
                }
            }
        }

        private void owner(Pair pair, Fd slave) {
            Native.check(
                    Native.call(
                            Syscall.FCHOWN,
                            slave.number(),
                            pair.slaveInfo.getUid(),
                            pair.slaveInfo.getGid()),
                    "set the owner of " + pair.path());
            Integer mode = slaveModes.get(pair.index);
            if (mode != null) {
                Native.check(
                        Native.call(Syscall.FCHMOD, slave.number(), mode & 07777),
                        "set the mode of " + pair.path());
            }
        }
    }
}
