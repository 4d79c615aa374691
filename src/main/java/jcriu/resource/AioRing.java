package jcriu.resource;

import static jcriu.kernel.FileConstants.*;
import static jcriu.kernel.MmanConstants.*;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.Errno;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.RemoteSyscallException;
import jcriu.image.VmaStatus;
import jcriu.image.proto.aio_ring_entry;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.MapsVma;
import jcriu.tracee.RemoteBatch;
import jcriu.tracee.RemoteMemory;
import jcriu.tracee.Tracee;

/**
 * AIO contexts of io_setup(2): a ring of completed requests in the memory of the task, whose
 * address is the context's id. The ring is saved as pages of the task.
 *
 * <pre>
 * struct aio_ring {u32 id, nr, head, tail, magic, compat, incompat, header_length; io_event[nr]}
 *                      ^ number in the kernel's table: another after a restore
 * struct io_event {u64 data, obj; s64 res, res2}        events head .. tail wait to be read
 * </pre>
 *
 * <p>The kernel counts the tail for itself and believes no one: a restore brings it to where it was
 * by requests that do nothing, and writes the ring over what they leave. How many requests are
 * under way the kernel shows nowhere.
 *
 * <p>Source: io_setup(2), io_submit(2), fs/aio.c.
 */
public final class AioRing {
    private static final String NAME = "/[aio]";
    private static final int MAGIC = 0xa10a10a1;
    private static final int HEADER = 32;
    private static final int EVENT = 32;
    private static final int IOCB = 64;
    private static final int PAGE = 4096;
    private static final int AT_ONCE = 256;

    private AioRing() {}

    static boolean is(MapsVma vma) {
        return vma.deleted() && vma.name().equals(NAME);
    }

    /** What is wrong with a ring, for a refusal; null if it is as this kernel makes them. */
    static String fault(int pid, MapsVma vma) {
        ByteBuffer ring = header(RemoteMemory.read(pid, vma.start(), HEADER));
        boolean known =
                ring.getInt(16) == MAGIC
                        && ring.getInt(24) == 0
                        && ring.getInt(28) == HEADER
                        && bytes(ring.getInt(4)) == vma.lengthBytes();
        return known ? null : "is an AIO ring of an unknown form, or cut into parts";
    }

    private static ByteBuffer header(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static long bytes(int slots) {
        return HEADER + (long) slots * EVENT + PAGE - 1 & -PAGE;
    }

    /** The entry of a mapping. */
    static vma_entry.Builder dump(vma_entry.Builder entry) {
        return entry.setPgoff(0)
                .setShmid(0)
                .setFlags(MAP_SHARED)
                .setStatus(VmaStatus.REGULAR | VmaStatus.AIO_RING)
                .clearMadv();
    }

    /** The entries of a frozen task's rings. */
    static List<aio_ring_entry> dump(int pid, List<vma_entry> vmas) {
        List<aio_ring_entry> rings = new ArrayList<>();
        for (vma_entry vma : vmas) {
            if (Vmas.is(vma, VmaStatus.AIO_RING)) {
                int slots = header(RemoteMemory.read(pid, vma.getStart(), HEADER)).getInt(4);
                rings.add(
                        aio_ring_entry
                                .newBuilder()
                                .setId(vma.getStart())
                                // the most that give a ring of this size
                                .setNrReq((slots - 2) / 2)
                                .setRingLen((int) (vma.getEnd() - vma.getStart()))
                                .build());
            }
        }
        return rings;
    }

    // ------------------------------------------------------------------ restore

    /** Checks that every ring has its mapping. */
    static void check(mm_entry mm, String file) {
        Map<Long, Long> mapped = new HashMap<>();
        for (vma_entry vma : mm.getVmasList()) {
            if (Vmas.is(vma, VmaStatus.AIO_RING)) {
                mapped.put(vma.getStart(), vma.getEnd() - vma.getStart());
            }
        }
        for (aio_ring_entry ring : mm.getAiosList()) {
            Long length = mapped.remove(ring.getId());
            if (length == null || length != (ring.getRingLen() & 0xffffffffL)) {
                throw new ImageFormatException(
                        file,
                        -1,
                        "AIO ring 0x" + Long.toHexString(ring.getId()) + " has no such mapping");
            }
        }
        if (!mapped.isEmpty()) {
            throw new ImageFormatException(
                    file, -1, "a mapping is of an AIO ring that is not there");
        }
    }

    /**
     * Makes the contexts of a task, whose other mappings stand; something else is where the rings
     * will be.
     *
     * @return the kernel's number of each, by address
     */
    public static Map<Long, Integer> make(mm_entry mm, Tracee leader, RemoteBatch batch) {
        Map<Long, Integer> numbers = new HashMap<>();
        for (aio_ring_entry ring : mm.getAiosList()) {
            long context = batch.data(8);
            batch.add("make an AIO context", Syscall.IO_SETUP, ring.getNrReq(), context);
            batch.run(leader);
            long at = batch.getLong(context);
            batch.reset();
            ByteBuffer header = header(RemoteMemory.read(leader.pid(), at, HEADER));
            long length = ring.getRingLen() & 0xffffffffL;
            if (bytes(header.getInt(4)) != length) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "the kernel makes an AIO ring of "
                                        + bytes(header.getInt(4))
                                        + " bytes where task "
                                        + leader.pid()
                                        + " had one of "
                                        + length)
                        .withHint("restore on a machine with as many processors");
            }
            leader.require(
                    Syscall.MREMAP,
                    at,
                    length,
                    length,
                    MREMAP_MAYMOVE | MREMAP_FIXED,
                    ring.getId());
            numbers.put(ring.getId(), header.getInt(0));
        }
        return numbers;
    }

    /** Brings the kernel's tails to those in the rings, whose pages are filled. */
    public static void settle(
            mm_entry mm, Map<Long, Integer> numbers, Tracee leader, RemoteBatch batch) {
        for (aio_ring_entry ring : mm.getAiosList()) {
            byte[] wanted = RemoteMemory.read(leader.pid(), ring.getId(), ring.getRingLen());
            ByteBuffer header = header(wanted);
            int slots = header.getInt(4);
            int head = header.getInt(8);
            int tail = header.getInt(12);
            if (bytes(slots) != wanted.length
                    || head < 0
                    || head >= slots
                    || tail < 0
                    || tail >= slots) {
                throw new ImageFormatException(
                        "pagemap-" + leader.pid() + ".img",
                        -1,
                        "AIO ring 0x" + Long.toHexString(ring.getId()) + " is impossible");
            }
            header.putInt(0, numbers.get(ring.getId()));
            RemoteMemory.write(leader.pid(), ring.getId(), java.util.Arrays.copyOf(wanted, 4));
            advance(ring.getId(), tail, leader, batch);
            RemoteMemory.write(leader.pid(), ring.getId(), wanted);
        }
    }

    /** Makes requests that read nothing; the task has no open descriptors. */
    private static void advance(long context, int requests, Tracee leader, RemoteBatch batch) {
        int done = 0;
        while (done < requests) {
            int count = Math.min(AT_ONCE, requests - done);
            // what has been completed is read: its place can be used again
            RemoteMemory.write(leader.pid(), context + 8, word(done));
            long iocb = batch.data(IOCB); // struct iocb of IOCB_CMD_PREAD, descriptor 0, no bytes
            long list = batch.data(8 * count);
            for (int i = 0; i < count; i++) {
                batch.putLong(list + 8L * i, iocb);
            }
            long path = batch.cString("/dev/null");
            batch.add("open /dev/null", Syscall.OPENAT, AT_FDCWD, path, O_RDONLY, 0);
            int submitted = batch.tolerate(Syscall.IO_SUBMIT, context, count, list);
            batch.add("", Syscall.CLOSE, 0);
            batch.run(leader);
            long result = batch.result(submitted);
            batch.reset();
            if (result <= 0) {
                throw new RemoteSyscallException(
                        leader.tid(),
                        "wind an AIO ring forward: io_submit",
                        result == 0 ? Errno.EAGAIN : Errno.ofResult(result));
            }
            done += (int) result;
        }
    }

    private static byte[] word(int value) {
        return ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array();
    }
}
