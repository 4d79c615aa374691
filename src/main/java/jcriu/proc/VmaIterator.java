package jcriu.proc;

import static jcriu.kernel.BpfConstants.*;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.OptionalInt;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.kernel.Btf;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The mappings of a task with the kernel's own flags, told by a BPF program that the kernel runs
 * for each: it takes a microsecond where {@code /proc/PID/smaps} walks all page tables.
 *
 * <p>What a bit of the flags means is another matter, and another thing in each kernel: see {@link
 * FlagBits}.
 *
 * <p>Needs CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN), Linux 6.1 for one task alone, and a kernel
 * that tells its types. Source: bpf(2), Documentation/bpf/bpf_iterators.rst,
 * Documentation/bpf/standardization/instruction-set.rst.
 */
final class VmaIterator implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger("proc");
    private static final Path TYPES = Path.of("/sys/kernel/btf/vmlinux");
    private static final int WINDOW = 64 << 10;

    /** {@code union bpf_attr} as far as it is used here. */
    private static final int ATTR_SIZE = 120;

    /** Of {@code struct vm_area_struct}, 64 bits each: what is told of a mapping. */
    private static final String[] MEMBERS = {"vm_start", "vm_end", "vm_flags"};

    private static final int RECORD = 8 * MEMBERS.length;

    /** These instructions may be used under either; the kernel lends its helpers to no other. */
    private static final String LICENSE = "Dual MIT/GPL";

    /**
     * A mapping.
     *
     * @param flags {@code vm_flags}, as the kernel has them
     */
    record Vma(long start, long end, long flags) {}

    private final Fd program;

    private VmaIterator(Fd program) {
        this.program = program;
    }

    /** Nothing where the kernel cannot, or does not let us. */
    static Optional<VmaIterator> open() {
        try {
            Btf types = Btf.parse(Files.readAllBytes(TYPES));
            OptionalInt hook = types.function("bpf_iter_task_vma");
            OptionalInt vma = types.struct("vm_area_struct");
            if (hook.isPresent() && vma.isPresent()) {
                int[] from = new int[MEMBERS.length];
                for (int i = 0; i < from.length; i++) {
                    from[i] = types.offset(vma.getAsInt(), MEMBERS[i]).orElseThrow();
                }
                VmaIterator iterator = new VmaIterator(load(program(from), hook.getAsInt()));
                if (iterator.tellsOneTaskAlone()) {
                    return Optional.of(iterator);
                }
                iterator.close();
            }
            LOG.debug("no iterator of mappings: the kernel does not tell of it");
        } catch (IOException
                | SyscallException
                | IllegalArgumentException
                | NoSuchElementException
                | IndexOutOfBoundsException e) {
            LOG.debug("no iterator of mappings: {}", e.toString());
        }
        return Optional.empty();
    }

    /** Before Linux 6.1 the kernel tells of all tasks, whichever is asked for. */
    private boolean tellsOneTaskAlone() {
        try {
            return read(Integer.MAX_VALUE).isEmpty();
        } catch (SyscallException e) {
            return e.errno() == Errno.ESRCH;
        }
    }

    /**
     * {@code int f(struct bpf_iter__task_vma {meta, task, vma} *)}: writes start, end and flags of
     * the mapping, if there is one; behind the last there is none.
     */
    private static byte[] program(int[] members) {
        ByteBuffer code = ByteBuffer.allocate(8 * (2 * members.length + 11));
        code.order(ByteOrder.LITTLE_ENDIAN);
        instruction(code, 0xb7, 0, 0, 0, 0); // r0 = 0
        instruction(code, 0x79, 2, 1, 16, 0); // r2 = vma
        instruction(code, 0x15, 2, 0, 2 * members.length + 7, 0); // if r2 == 0 goto return
        int to = -RECORD;
        for (int from : members) {
            instruction(code, 0x79, 3, 2, from, 0); // r3 = the member
            instruction(code, 0x7b, 10, 3, to, 0); // onto the stack
            to += 8;
        }
        instruction(code, 0x79, 1, 1, 0, 0); // r1 = meta
        instruction(code, 0x79, 1, 1, 0, 0); // r1 = meta->seq
        instruction(code, 0xbf, 2, 10, 0, 0); // r2 = the record
        instruction(code, 0x07, 2, 0, 0, -RECORD);
        instruction(code, 0xb7, 3, 0, 0, RECORD); // r3 = its length
        instruction(code, 0x85, 0, 0, 0, BPF_FUNC_SEQ_WRITE);
        instruction(code, 0xb7, 0, 0, 0, 0); // r0 = 0
        instruction(code, 0x95, 0, 0, 0, 0); // return
        return code.array();
    }

    private static void instruction(
            ByteBuffer code, int opcode, int to, int from, int offset, int number) {
        code.put((byte) opcode)
                .put((byte) (from << 4 | to))
                .putShort((short) offset)
                .putInt(number);
    }

    private static Fd load(byte[] code, int hook) {
        try (NativeMemory attr = NativeMemory.allocate(ATTR_SIZE);
                NativeMemory instructions = NativeMemory.allocate(code.length);
                NativeMemory license = NativeMemory.cString(LICENSE)) {
            instructions.put(0, code);
            attr.putInt(0, BPF_PROG_TYPE_TRACING);
            attr.putInt(4, code.length / 8);
            attr.putLong(8, instructions.address());
            attr.putLong(16, license.address());
            attr.putInt(68, BPF_TRACE_ITER);
            attr.putInt(108, hook);
            return bpf(BPF_PROG_LOAD, attr, "load a program that tells mappings");
        }
    }

    /** Made by bpf(2), all of its descriptors are close-on-exec. */
    private static Fd bpf(int command, NativeMemory attr, String what) {
        long r = Native.call(Syscall.BPF, command, attr.address(), attr.size());
        return new Fd(Native.check(r, what), what);
    }

    /**
     * The mappings of a task, in address order; [vsyscall] is none of them. Of one moment if it is
     * stopped; of one that runs some may be missing. Nothing, or ESRCH, if it is gone.
     *
     * <p>Of a task that maps and unmaps meanwhile the kernel (6.18) can tell the last ones again
     * and again, without an end: what does not lie behind the one before is the end.
     */
    List<Vma> read(int pid) {
        try (NativeMemory attr = NativeMemory.allocate(ATTR_SIZE);
                NativeMemory task = NativeMemory.allocate(12)) {
            task.putInt(0, pid); // struct {u32 tid, pid, pid_fd}
            attr.putInt(0, program.number());
            attr.putInt(8, BPF_TRACE_ITER);
            attr.putLong(16, task.address());
            attr.putInt(24, (int) task.size());
            try (Fd link = bpf(BPF_LINK_CREATE, attr, "ask for the mappings of task " + pid)) {
                attr.clear();
                attr.putInt(0, link.number());
                try (Fd iterator =
                        bpf(BPF_ITER_CREATE, attr, "ask for the mappings of task " + pid)) {
                    return records(iterator);
                }
            }
        }
    }

    private static List<Vma> records(Fd iterator) {
        List<Vma> vmas = new ArrayList<>();
        long told = 0;
        try (NativeMemory window = NativeMemory.allocate(WINDOW)) {
            for (long length = 0; ; ) {
                long to = window.address() + length;
                long r = Native.call(Syscall.READ, iterator.number(), to, WINDOW - length);
                if (Native.check(r, "read mappings") == 0) {
                    return vmas;
                }
                length += r;
                long at = 0;
                for (; at + RECORD <= length; at += RECORD) {
                    Vma vma =
                            new Vma(
                                    window.getLong(at),
                                    window.getLong(at + 8),
                                    window.getLong(at + 16));
                    if (Long.compareUnsigned(vma.start, told) < 0) {
                        return vmas;
                    }
                    vmas.add(vma);
                    told = vma.end;
                }
                length -= at;
                window.put(0, window.get(at, (int) length)); // a part of a record
            }
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
