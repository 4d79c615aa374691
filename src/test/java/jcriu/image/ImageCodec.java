package jcriu.image;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import jcriu.image.proto.*;

/**
 * Copies an image piece by piece, decoding and encoding each: what every kind consists of, for
 * tests.
 */
public final class ImageCodec {
    /** Copies what follows an entry. */
    private interface Payload<T> {
        void copy(T entry, ImageReader in, ImageWriter out);
    }

    private record Entries<T extends MessageLite>(
            Parser<T> parser, boolean plain, Payload<T> payload) {
        void copy(ImageReader in, ImageWriter out) {
            Optional<T> next;
            while ((next = in.next(parser)).isPresent()) {
                out.write(next.get());
                payload.copy(next.get(), in, out);
            }
        }
    }

    private static final Map<ImageType, Entries<?>> CODECS = new EnumMap<>(ImageType.class);

    private static <T extends MessageLite> void add(
            ImageType type, Parser<T> parser, Payload<T> payload) {
        CODECS.put(type, new Entries<>(parser, false, payload));
    }

    private static void add(ImageType type, Parser<? extends MessageLite> parser) {
        CODECS.put(type, new Entries<>(parser, true, (entry, in, out) -> {}));
    }

    static {
        add(ImageType.INVENTORY, inventory_entry.parser());
        add(ImageType.FDINFO, fdinfo_entry.parser());
        add(ImageType.PAGEMAP, pagemap_head.parser(), ImageCodec::copyRuns);
        add(ImageType.SHMEM_PAGEMAP, pagemap_head.parser(), ImageCodec::copyRuns);
        add(ImageType.CORE, core_entry.parser());
        add(ImageType.IDS, task_kobj_ids_entry.parser());
        add(ImageType.MM, mm_entry.parser());
        add(ImageType.PIPES_DATA, pipe_data_entry.parser(), ImageCodec::copyPipe);
        add(ImageType.FIFO_DATA, pipe_data_entry.parser(), ImageCodec::copyPipe);
        add(ImageType.PSTREE, pstree_entry.parser());
        add(
                ImageType.SK_QUEUES,
                sk_packet_entry.parser(),
                (entry, in, out) -> copy(entry.getLength(), in, out));
        add(ImageType.UTSNS, utsns_entry.parser());
        add(ImageType.IPC_VAR, ipc_var_entry.parser());
        add(
                ImageType.IPCNS_SHM,
                ipc_shm_entry.parser(),
                (entry, in, out) ->
                        copy(entry.getInPagemaps() ? 0 : padded(entry.getSize(), 4), in, out));
        add(ImageType.IPCNS_MSG, ipc_msg_entry.parser(), ImageCodec::copyMessages);
        add(
                ImageType.IPCNS_SEM,
                ipc_sem_entry.parser(),
                (entry, in, out) -> copy(padded(2L * entry.getNsems(), 8), in, out));
        add(ImageType.FS, fs_entry.parser());
        add(ImageType.REMAP_FPATH, remap_file_path_entry.parser());
        add(ImageType.GHOST_FILE, ghost_file_entry.parser(), ImageCodec::copyGhost);
        add(ImageType.MEMFD_INODE, memfd_inode_entry.parser());
        add(ImageType.NETDEV, net_device_entry.parser());
        add(ImageType.NETNS, netns_entry.parser());
        add(ImageType.TTY_INFO, tty_info_entry.parser());
        add(ImageType.TTY_DATA, tty_data_entry.parser());
        add(ImageType.FILE_LOCKS, file_lock_entry.parser());
        add(ImageType.SECCOMP, seccomp_entry.parser());
        add(ImageType.FILES, file_entry.parser());
        add(ImageType.TIMENS, timens_entry.parser());
        add(ImageType.STATS, stats_entry.parser());
        add(ImageType.JCRIU_TASKS, jcriu_task.parser());
        add(ImageType.JCRIU_PIPES, jcriu_pipe.parser());
    }

    /** Whether {@link #copy} knows the kind. */
    public static boolean knows(ImageType type) {
        return type.head() == ImageType.Head.RAW || CODECS.containsKey(type);
    }

    /** The parser of a kind that consists of entries of one message, or null. */
    public static Parser<? extends MessageLite> plain(ImageType type) {
        Entries<?> codec = CODECS.get(type);
        return codec != null && codec.plain ? codec.parser : null;
    }

    /** Decodes and encodes a whole image. */
    public static void copy(ImageType type, ImageReader in, ImageWriter out) {
        if (type.head() == ImageType.Head.RAW) {
            out.writeRaw(in.rest());
            return;
        }
        Entries<?> codec = CODECS.get(type);
        if (codec == null) {
            throw new AssertionError("no codec for " + type + ": add it here");
        }
        codec.copy(in, out);
        in.requireEnd();
    }

    private static void copyRuns(pagemap_head head, ImageReader in, ImageWriter out) {
        in.readAll(pagemap_entry.parser()).forEach(out::write);
    }

    private static void copyPipe(pipe_data_entry entry, ImageReader in, ImageWriter out) {
        copy(entry.getBytes(), in, out);
    }

    private static void copyMessages(ipc_msg_entry queue, ImageReader in, ImageWriter out) {
        for (int i = 0; i < queue.getQnum(); i++) {
            ipc_msg message = in.requireNext(ipc_msg.parser());
            out.write(message);
            copy(padded(message.getMsize(), 8), in, out);
        }
    }

    private static void copyGhost(ghost_file_entry entry, ImageReader in, ImageWriter out) {
        if (!entry.getChunks()) {
            out.writeRaw(in.rest());
            return;
        }
        Optional<ghost_chunk_entry> chunk;
        while ((chunk = in.next(ghost_chunk_entry.parser())).isPresent()) {
            out.write(chunk.get());
            copy(chunk.get().getLen(), in, out);
        }
    }

    private static void copy(long length, ImageReader in, ImageWriter out) {
        out.writeRaw(in.raw(length));
    }

    private static long padded(long length, long to) {
        return (length + to - 1) / to * to;
    }

    private ImageCodec() {}
}
