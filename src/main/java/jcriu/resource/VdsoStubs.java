package jcriu.resource;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageType;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.vma_entry;
import jcriu.kernel.Assembler;
import jcriu.kernel.ElfFunctions;
import jcriu.kernel.Syscall;
import jcriu.proc.MapsVma;
import jcriu.store.PageRead;
import jcriu.store.Runs;
import jcriu.sys.Native;
import jcriu.tracee.Vdso;

/**
 * The vDSO of a dump under a kernel that has another one, vdso(7). The program knows addresses in
 * it, and a kernel's vDSO reads that kernel's data only. So the pages of the dump come back where
 * they were, as ordinary memory, with a jump at the start of each function to the same function of
 * the kernel's own vDSO, which stands elsewhere:
 *
 * <pre>
 *   was:       | vvar | vdso  clock_gettime: code       |
 *   becomes:   | none | copy  clock_gettime: jmp -----. |   ...   | vvar | vdso  clock_gettime: code |
 *                                                     '---------------------------------^
 * </pre>
 *
 * <p>The data of the old kernel is not there: old code that would read it faults, instead of
 * telling a wrong time.
 */
public final class VdsoStubs {
    /**
     * What each function does where it has no data: the system call with the same arguments. For
     * functions that this kernel's vDSO lacks.
     */
    private static final Map<String, Syscall> CALLS =
            Map.of(
                    "__vdso_clock_gettime", Syscall.CLOCK_GETTIME,
                    "__vdso_clock_getres", Syscall.CLOCK_GETRES,
                    "__vdso_gettimeofday", Syscall.GETTIMEOFDAY,
                    "__vdso_time", Syscall.TIME,
                    "__vdso_getcpu", Syscall.GETCPU,
                    "__vdso_getrandom", Syscall.GETRANDOM);

    /** Enters an SGX enclave. A task that has one maps a device, which a dump refuses. */
    private static final String ENCLAVES = "__vdso_sgx_enter_enclave";

    private static final long MOST_VDSO_BYTES = 64 << 10;
    private static final long MOST_STACK_BYTES = 8 << 20;
    private static final int PAGE = 4096;

    private final long start;
    private final byte[] old;
    private final Map<String, Integer> functions;
    private final int prot;

    private VdsoStubs(vma_entry vma, byte[] old, Map<String, Integer> functions) {
        this.start = vma.getStart();
        this.prot = vma.getProt();
        this.old = old;
        this.functions = functions;
    }

    /**
     * Compares the vDSO of a task's images with this kernel's.
     *
     * @param ours the mappings of a process of this kernel
     * @param cores of its threads
     * @return null if they are the same
     * @throws JcriuException if they differ, and the task cannot go on with stubs
     */
    public static VdsoStubs of(
            mm_entry mm,
            PageRead pages,
            List<Integer> tids,
            List<core_entry> cores,
            int pid,
            List<MapsVma> ours) {
        String image = ImageType.MM.fileName(pid);
        vma_entry vma = AddressSpace.vdso(mm, image);
        long length = vma.getEnd() - vma.getStart();
        Runs present = range(vma.getStart(), vma.getEnd()).and(pages.runs());
        byte[] old = null;
        if (present.bytes() == length && length <= MOST_VDSO_BYTES) {
            old = new byte[(int) length];
            pages.read(vma.getStart(), ByteBuffer.wrap(old));
        }
        boolean same =
                AddressSpace.sameVdsoLayout(ours, mm)
                        && (old == null || Arrays.equals(old, Vdso.bytes()));
        if (same && !Vdso.TREAT_AS_FOREIGN) {
            return null;
        }
        if (old == null) {
            throw new ImageFormatException(image, -1, "has a vDSO without its pages");
        }
        VdsoStubs stubs;
        try {
            stubs = new VdsoStubs(vma, old, ElfFunctions.of(old));
            stubs.code(0);
        } catch (IllegalArgumentException e) {
            throw refused("the vDSO of task " + pid + " cannot be used: " + e.getMessage());
        }
        for (int i = 0; i < cores.size(); i++) {
            stubs.checkThread(tids.get(i), cores.get(i), mm, pages);
        }
        return stubs;
    }

    private static Runs range(long start, long end) {
        Runs range = new Runs();
        range.add(start, end);
        return range;
    }

    private static JcriuException refused(String what) {
        return new JcriuException(
                        Kind.RESTORE_REFUSED,
                        "the tree was dumped under a kernel with another vDSO, and " + what)
                .withHint("restore under the kernel of the dump; see docs/limits.md#vdso");
    }

    /** Where the pages of the dump were. */
    public long start() {
        return start;
    }

    public long length() {
        return old.length;
    }

    public int prot() {
        return prot;
    }

    /**
     * The pages of the dump with a stub for each function.
     *
     * @param kernels where the kernel's own vDSO is
     * @throws IllegalArgumentException if there is no room for them, or nothing to jump to
     */
    public byte[] code(long kernels) {
        return code(old, functions, ElfFunctions.of(Vdso.bytes()), kernels);
    }

    static byte[] code(
            byte[] old, Map<String, Integer> theirs, Map<String, Integer> ours, long kernels) {
        byte[] code = old.clone();
        int end = 0;
        for (Map.Entry<Integer, List<String>> function : byOffset(theirs).entrySet()) {
            byte[] stub = stub(function.getValue(), ours, kernels);
            int at = function.getKey();
            if (at < end || at + stub.length > code.length) {
                throw new IllegalArgumentException("no room at " + function.getValue());
            }
            System.arraycopy(stub, 0, code, at, stub.length);
            end = at + stub.length;
        }
        return code;
    }

    private static NavigableMap<Integer, List<String>> byOffset(Map<String, Integer> functions) {
        NavigableMap<Integer, List<String>> names = new TreeMap<>();
        functions.forEach(
                (name, offset) -> {
                    if (!name.equals(ENCLAVES)) {
                        names.computeIfAbsent(offset, o -> new ArrayList<>()).add(name);
                    }
                });
        return names;
    }

    private static byte[] stub(List<String> names, Map<String, Integer> ours, long kernels) {
        for (String name : names) {
            Integer offset = ours.get(name);
            if (offset != null) {
                return Assembler.jump(Native.ARCH, kernels + offset);
            }
        }
        for (String name : names) {
            Syscall call = CALLS.get(name);
            if (call != null) {
                return Assembler.callAndReturn(Native.ARCH, call);
            }
        }
        throw new IllegalArgumentException("this kernel has nothing for " + names);
    }

    /**
     * A thread may stand at the start of a function, or where it makes a system call: behind one,
     * functions of a vDSO only return. Elsewhere it would read data that is not there, as would one
     * that returns there from a signal handler.
     */
    private void checkThread(int tid, core_entry core, mm_entry mm, PageRead pages) {
        if (cannotGoOn(core.getThreadInfo().getGpregs().getIp())) {
            throw refused("thread " + tid + " was in the midst of it");
        }
        long sp = core.getThreadInfo().getGpregs().getSp();
        for (vma_entry vma : mm.getVmasList()) {
            if (vma.getStart() <= sp && sp < vma.getEnd()) {
                long end = Math.min(vma.getEnd(), sp + MOST_STACK_BYTES);
                Runs stack = range(sp & -PAGE, end & -PAGE).and(pages.runs());
                for (int i = 0; i < stack.size(); i++) {
                    byte[] part = new byte[(int) (stack.end(i) - stack.start(i))];
                    pages.read(stack.start(i), ByteBuffer.wrap(part));
                    if (returnsHere(part)) {
                        throw refused(
                                "thread " + tid + " has a signal handler that interrupted it");
                    }
                }
            }
        }
    }

    private boolean cannotGoOn(long ip) {
        long at = ip - start;
        if (at < 0 || at >= old.length) {
            return false;
        }
        Integer before = byOffset(functions).floorKey((int) at);
        boolean inStub = before != null && at - before < Assembler.jump(Native.ARCH, 0).length;
        boolean atStub = before != null && at == before;
        return !atStub && (inStub || !Vdso.isAtCall(old, (int) at));
    }

    /**
     * Looks for signal frames. In {@code struct sigcontext} the instruction pointer is followed by
     * the flags and by CS, 0x33 in 64-bit code.
     */
    private boolean returnsHere(byte[] stack) {
        ByteBuffer words = ByteBuffer.wrap(stack).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i + 24 <= stack.length; i += 8) {
            if (words.getLong(i) - start >= 0
                    && words.getLong(i) - start < old.length
                    && words.getLong(i + 8) >>> 32 == 0
                    && words.getShort(i + 16) == 0x33
                    && cannotGoOn(words.getLong(i))) {
                return true;
            }
        }
        return false;
    }
}
