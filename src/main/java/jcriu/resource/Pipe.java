package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.fifo_entry;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.jcriu_pipe;
import jcriu.image.proto.pipe_data_entry;
import jcriu.image.proto.pipe_entry;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Pipes, pipe(7), and FIFOs, fifo(7), with what is in them. */
final class Pipe {
    private static final int DEFAULT_SIZE = 65536;
    private static final int READ_END = 1;
    private static final int WRITE_END = 2;
    private static final int BOTH_ENDS = 3;
    private static final int POLLERR = 8;
    private static final int POLLHUP = 16;
    private static final Logger LOG = LoggerFactory.getLogger("pipes");

    private Pipe() {}

    static file_entry dump(int id, OpenFile file) {
        return file_entry
                .newBuilder()
                .setType(fd_types.PIPE)
                .setId(id)
                .setPipe(
                        pipe_entry
                                .newBuilder()
                                .setId(id)
                                .setPipeId((int) file.stat().ino())
                                .setFlags(file.flags())
                                .setFown(file.fown()))
                .build();
    }

    static file_entry dumpFifo(int id, int regId, OpenFile file) {
        return file_entry
                .newBuilder()
                .setType(fd_types.FIFO)
                .setId(id)
                .setFifo(
                        fifo_entry
                                .newBuilder()
                                .setId(id)
                                .setPipeId((int) file.stat().ino())
                                .setRegfId(regId))
                .build();
    }

    /** Contents of all pipes, or of all FIFOs, of a dump. */
    static final class Contents {
        private final Map<Integer, byte[]> data = new LinkedHashMap<>();
        private final Map<Integer, Integer> sizes = new HashMap<>();
        private final Map<Integer, List<Integer>> packets = new LinkedHashMap<>();
        private final Map<Integer, Integer> heldEnds = new HashMap<>();
        private final Set<Integer> externals = new HashSet<>();
        private final Map<Integer, String> connected = new HashMap<>();

        /**
         * Notes an end that the tree holds, and asks poll(2) whether anybody holds the other one:
         * the read end tells POLLHUP where there is no writer, the write end POLLERR where there is
         * no reader.
         *
         * @param external whether it belongs to the outside world, whoever holds it
         */
        void see(OpenFile file, boolean external) {
            int mode = file.flags() & O_ACCMODE;
            int held = mode == O_RDONLY ? READ_END : mode == O_WRONLY ? WRITE_END : BOTH_ENDS;
            int pipeId = (int) file.stat().ino();
            if (external) {
                externals.add(pipeId);
                return;
            }
            int before = heldEnds.getOrDefault(pipeId, 0);
            heldEnds.put(pipeId, before | held);
            if (before == 0 && held != BOTH_ENDS && isConnected(file)) {
                connected.put(pipeId, file.subject());
            }
        }

        private static boolean isConnected(OpenFile file) {
            try (Fd ours = Fd.take(file.pid(), file.fd());
                    NativeMemory words = NativeMemory.allocate(32)) {
                // struct pollfd {s32 fd; s16 events, revents}; struct timespec of 0
                words.putInt(0, ours.number());
                words.putInt(4, 0);
                words.putLong(8, 0);
                words.putLong(16, 0);
                Native.check(
                        Native.call(Syscall.PPOLL, words.address(), 1, words.address() + 8, 0, 0),
                        "poll " + file.path());
                return (words.getInt(4) >> 16 & (POLLHUP | POLLERR)) == 0;
            }
        }

        /** What the entries of other images have no place for. */
        List<jcriu_pipe> extras() {
            List<jcriu_pipe> extras = new ArrayList<>();
            for (Integer pipeId : data.keySet()) {
                jcriu_pipe.Builder pipe = jcriu_pipe.newBuilder().setPipeId(pipeId);
                pipe.addAllPacketBytes(packets.getOrDefault(pipeId, List.of()));
                int held = heldEnds.getOrDefault(pipeId, BOTH_ENDS);
                if (held != BOTH_ENDS && connected.containsKey(pipeId)) {
                    pipe.setOutside(BOTH_ENDS & ~held);
                    LOG.warn(
                            "{} is a pipe whose {} end is outside the tree; restore it with"
                                    + " --inherit-fd fd[N]:pipe:[{}]",
                            connected.get(pipeId),
                            held == READ_END ? "write" : "read",
                            Integer.toUnsignedString(pipeId));
                }
                if (externals.contains(pipeId)) {
                    pipe.setOutside(BOTH_ENDS);
                }
                if (pipe.getPacketBytesCount() > 0 || pipe.hasOutside()) {
                    extras.add(pipe.build());
                }
            }
            return extras;
        }

        /** Copies what is in the pipe and leaves it there: tee(2). */
        void add(OpenFile file) {
            int pipeId = (int) file.stat().ino();
            if (data.containsKey(pipeId)) {
                return;
            }
            try (Fd source = Fd.open(file.path(), O_RDONLY | O_NONBLOCK);
                    NativeMemory words = NativeMemory.allocate(16)) {
                int size =
                        (int)
                                Native.check(
                                        Native.call(Syscall.FCNTL, source.number(), F_GETPIPE_SZ),
                                        "size of " + file.path());
                Native.check(
                        Native.call(Syscall.IOCTL, source.number(), FIONREAD, words.address()),
                        "fill of " + file.path());
                int bytes = words.getInt(0);
                sizes.put(pipeId, size);
                List<Integer> reads = new ArrayList<>();
                data.put(
                        pipeId, bytes == 0 ? new byte[0] : copy(source, size, bytes, words, reads));
                if (reads.size() > 1) {
                    packets.put(pipeId, reads);
                }
            }
        }

        private static byte[] copy(
                Fd source, int size, int bytes, NativeMemory words, List<Integer> reads) {
            Native.check(
                    Native.call(Syscall.PIPE2, words.address(), O_CLOEXEC | O_NONBLOCK), "pipe2");
            try (Fd in = new Fd(words.getInt(0), "our pipe");
                    Fd out = new Fd(words.getInt(4), "our pipe");
                    NativeMemory buffer = NativeMemory.allocate(bytes)) {
                Native.check(
                        Native.call(Syscall.FCNTL, out.number(), F_SETPIPE_SZ, size),
                        "enlarge our pipe");
                long n =
                        Native.check(
                                Native.call(
                                        Syscall.TEE,
                                        source.number(),
                                        out.number(),
                                        bytes,
                                        SPLICE_F_NONBLOCK),
                                "tee");
                long got = 0;
                while (got < n) {
                    // a read ends where a packet ends
                    long one =
                            Native.check(
                                    Native.call(
                                            Syscall.READ,
                                            in.number(),
                                            buffer.address() + got,
                                            n - got),
                                    "read our pipe");
                    reads.add((int) one);
                    got += one;
                }
                if (got != bytes) {
                    throw new JcriuException(
                            Kind.INTERNAL, "a pipe held " + bytes + " bytes, tee(2) gave " + got);
                }
                return buffer.get(0, bytes);
            }
        }

        /** Writes the image if any pipe holds something or has an unusual size. */
        void write(ImageDir images, ImageType type) {
            if (data.isEmpty()) {
                return;
            }
            try (ImageWriter out = images.writer(type)) {
                for (Map.Entry<Integer, byte[]> pipe : data.entrySet()) {
                    out.write(
                            pipe_data_entry
                                    .newBuilder()
                                    .setPipeId(pipe.getKey())
                                    .setBytes(pipe.getValue().length)
                                    .setSize(sizes.get(pipe.getKey()))
                                    .build());
                    out.writeRaw(pipe.getValue());
                }
            }
        }
    }

    /** Contents and sizes by pipe id, read from an image. */
    record Loaded(
            Map<Integer, byte[]> data,
            Map<Integer, Integer> sizes,
            Map<Integer, List<Integer>> packets,
            Map<Integer, Integer> outside) {
        static Loaded read(ImageDir images, ImageType type) {
            Loaded loaded =
                    new Loaded(new HashMap<>(), new HashMap<>(), new HashMap<>(), new HashMap<>());
            try (ImageReader in = images.reader(ImageType.JCRIU_PIPES)) {
                for (jcriu_pipe pipe : in.readAll(jcriu_pipe.parser())) {
                    if (pipe.getPacketBytesCount() > 0) {
                        loaded.packets.put(pipe.getPipeId(), pipe.getPacketBytesList());
                    }
                    if (pipe.getOutside() != 0) {
                        loaded.outside.put(pipe.getPipeId(), pipe.getOutside());
                    }
                }
            }
            try (ImageReader in = images.reader(type)) {
                Optional<pipe_data_entry> entry;
                while ((entry = in.next(pipe_data_entry.parser())).isPresent()) {
                    int id = entry.get().getPipeId();
                    loaded.data.put(id, in.raw(entry.get().getBytes() & 0xffffffffL));
                    loaded.sizes.put(id, entry.get().hasSize() ? entry.get().getSize() : 0);
                }
            }
            return loaded;
        }

        /** Refuses a pipe whose other end nobody would hold. */
        void check(int pid, int fd, int pipeId) {
            Integer ends = outside.get(pipeId);
            if (ends != null) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "pid "
                                        + pid
                                        + ": fd "
                                        + fd
                                        + (ends == BOTH_ENDS
                                                ? " is a pipe that was given with --external"
                                                : " is a pipe whose "
                                                        + (ends == READ_END ? "read" : "write")
                                                        + " end was outside the tree"))
                        .withHint(
                                "give one of your own descriptors for it: --inherit-fd fd[N]:pipe:["
                                        + Integer.toUnsignedString(pipeId)
                                        + "]");
            }
        }

        void fill(int pipeId, Fd writeEnd) {
            int size = sizes.getOrDefault(pipeId, 0);
            if (size != 0 && size != DEFAULT_SIZE) {
                Native.check(
                        Native.call(Syscall.FCNTL, writeEnd.number(), F_SETPIPE_SZ, size),
                        "set the size of a pipe to " + size);
            }
            byte[] bytes = data.get(pipeId);
            if (bytes == null || bytes.length == 0) {
                return;
            }
            List<Integer> cuts = packets.get(pipeId);
            setFlags(writeEnd, O_NONBLOCK | (cuts != null ? O_DIRECT : 0));
            try (NativeMemory buffer = NativeMemory.allocate(bytes.length)) {
                buffer.put(0, bytes);
                long done = 0;
                int packet = 0;
                while (done < bytes.length) {
                    long length = bytes.length - done;
                    if (cuts != null && packet < cuts.size()) {
                        length = Math.min(length, cuts.get(packet++) & 0xffffffffL);
                    }
                    done +=
                            Native.check(
                                    Native.call(
                                            Syscall.WRITE,
                                            writeEnd.number(),
                                            buffer.address() + done,
                                            length),
                                    "fill a pipe");
                }
            }
        }
    }

    private static void setFlags(Fd end, int flags) {
        Native.check(
                Native.call(Syscall.FCNTL, end.number(), F_SETFL, flags),
                "set the flags of a pipe");
    }

    /** A pipe of a restore: both ends, filled, kept open until every description has been made. */
    static final class Pair implements AutoCloseable {
        private final Fd readEnd;
        private final Fd writeEnd;

        private Pair(Fd readEnd, Fd writeEnd) {
            this.readEnd = readEnd;
            this.writeEnd = writeEnd;
        }

        static Pair create(int pipeId, Loaded contents) {
            try (NativeMemory words = NativeMemory.allocate(8)) {
                Native.check(
                        Native.call(Syscall.PIPE2, words.address(), O_CLOEXEC | O_NONBLOCK),
                        "pipe2");
                Pair pair =
                        new Pair(
                                new Fd(words.getInt(0), "pipe " + pipeId),
                                new Fd(words.getInt(4), "pipe " + pipeId));
                contents.fill(pipeId, pair.writeEnd);
                return pair;
            }
        }

        /** A FIFO that was opened for reading and writing. */
        static Pair fifo(Fd both, int pipeId, Loaded contents) {
            Pair pair = new Pair(both, both);
            contents.fill(pipeId, both);
            return pair;
        }

        /** A description of its own, with the flags of the image. */
        Fd open(int flags) {
            Fd end = (flags & O_ACCMODE) == O_WRONLY ? writeEnd : readEnd;
            if ((flags & O_LARGEFILE) != 0) {
                return Fd.open(end.procPath(), flags & ~(O_DIRECT | O_ASYNC));
            }
            // what pipe2(2) made, not open(2); packet mode is set by fcntl(2) alone
            setFlags(end, flags & (O_DIRECT | O_NONBLOCK | O_APPEND));
            return new Fd(
                    Native.check(
                            Native.call(Syscall.FCNTL, end.number(), F_DUPFD_CLOEXEC, 0),
                            "duplicate a pipe"),
                    end.name());
        }

        @Override
        public void close() {
            readEnd.close();
            writeEnd.close();
        }
    }
}
