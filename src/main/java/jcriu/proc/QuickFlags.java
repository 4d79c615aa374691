package jcriu.proc;

import static jcriu.kernel.FileConstants.O_CLOEXEC;
import static jcriu.kernel.MmanConstants.*;
import static jcriu.kernel.UffdConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mappings with their flags as {@link Maps#readSmaps} tells them, without the walk of all page
 * tables that the kernel does for these: a gigabyte takes 25 ms, inside a freeze (docs/adr/0018).
 *
 * <p>The kernel tells us its own bits ({@link VmaIterator}); what they mean is learned from pages
 * of our own that have one flag each ({@link FlagBits}). Whatever is not certain has no answer, and
 * smaps is to be asked.
 */
public final class QuickFlags implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger("proc");
    private static final int PAGE = 4096;

    /** {@code -Djcriu.smaps=true} is a test's wish: a kernel that tells no flags but there. */
    private static final boolean ABSENT = Boolean.getBoolean("jcriu.smaps");

    /** Other threads of ours map and unmap meanwhile. */
    private static final int TRIES = 3;

    private static final int[] ADVICE = {
        MADV_RANDOM,
        MADV_SEQUENTIAL,
        MADV_DONTFORK,
        MADV_DONTDUMP,
        MADV_MERGEABLE,
        MADV_HUGEPAGE,
        MADV_NOHUGEPAGE,
        MADV_WIPEONFORK,
        MADV_GUARD_INSTALL
    };

    private static final int MLOCK_ONFAULT = 1;

    private final VmaIterator iterator;
    private final FlagBits bits;

    private QuickFlags(VmaIterator iterator, FlagBits bits) {
        this.iterator = iterator;
        this.bits = bits;
    }

    /** Nothing where the kernel cannot, or does not let us; that is no failure. */
    public static Optional<QuickFlags> open() {
        VmaIterator iterator = ABSENT ? null : VmaIterator.open().orElse(null);
        if (iterator == null) {
            return Optional.empty();
        }
        for (int i = 0; i < TRIES; i++) {
            try {
                return Optional.of(new QuickFlags(iterator, FlagBits.learn(samples(iterator))));
            } catch (JcriuException | IllegalArgumentException e) {
                LOG.debug("flags of mappings are read from smaps: {}", e.toString());
            }
        }
        iterator.close();
        return Optional.empty();
    }

    /**
     * The mappings of a stopped task.
     *
     * @param earlier what smaps said of it, at any time
     * @return nothing if the flags of one of them are not certain
     * @throws jcriu.errors.TaskGoneException if it is gone
     */
    public Optional<List<MapsVma>> read(int pid, List<MapsVma> earlier) {
        List<VmaIterator.Vma> quick;
        try {
            quick = iterator.read(pid);
        } catch (SyscallException e) {
            LOG.debug("task {}: flags of mappings are read from smaps: {}", pid, e.what());
            return Optional.empty();
        }
        List<MapsVma> vmas = new ArrayList<>(quick.size());
        int at = 0;
        for (MapsVma vma : Maps.readAgain(pid, earlier)) {
            if (vma.name().equals("[vsyscall]") && vma.vmFlags() != 0) { // never changes
                vmas.add(vma);
                continue;
            }
            VmaIterator.Vma same = at < quick.size() ? quick.get(at++) : null;
            if (same == null || same.start() != vma.start() || same.end() != vma.end()) {
                LOG.debug("task {}: the kernel tells of other mappings than {}", pid, vma);
                return Optional.empty();
            }
            OptionalLong flags = bits.flags(same.flags());
            // the size of huge pages, and a key, are told by smaps alone
            if (flags.isEmpty() || VmFlag.HT.in(flags.getAsLong()) || vma.protectionKey() != 0) {
                LOG.debug("task {}: {} has flags {}", pid, vma, Long.toHexString(same.flags()));
                return Optional.empty();
            }
            vmas.add(vma.withFlags(flags.getAsLong(), PAGE));
        }
        return at == quick.size() ? Optional.of(vmas) : Optional.empty();
    }

    /** Mappings of our own that were the same before and after smaps was read. */
    private static Set<FlagBits.Sample> samples(VmaIterator iterator) {
        int self = (int) ProcessHandle.current().pid();
        try (Pages pages = new Pages()) {
            Map<Long, VmaIterator.Vma> before = new HashMap<>();
            iterator.read(self).forEach(vma -> before.put(vma.start(), vma));
            Map<Long, MapsVma> told = new HashMap<>();
            Maps.readSmaps(self).forEach(vma -> told.put(vma.start(), vma));
            Set<FlagBits.Sample> samples = new LinkedHashSet<>();
            for (VmaIterator.Vma vma : iterator.read(self)) {
                MapsVma smaps = told.get(vma.start());
                // a key is in bits without a code: mappings that have one must stay unknown
                if (vma.equals(before.get(vma.start()))
                        && smaps != null
                        && smaps.end() == vma.end()
                        && smaps.protectionKey() == 0) {
                    samples.add(new FlagBits.Sample(vma.flags(), smaps.vmFlags()));
                }
            }
            pages.check(samples);
            return samples;
        }
    }

    /**
     * Pages of ours with one flag each, as far as the kernel knows it, and pages without between.
     */
    private static final class Pages implements AutoCloseable {
        private static final int COUNT = 64;

        private final long base;
        private final long shared;
        private final long uffd;
        private int used;

        Pages() {
            base = Native.check(map(0, (long) COUNT * PAGE, PROT_NONE, MAP_PRIVATE), "map pages");
            shared = map(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
            for (int prot = PROT_NONE; prot <= (PROT_READ | PROT_WRITE | PROT_EXEC); prot++) {
                Native.call(Syscall.MPROTECT, next(), PAGE, prot);
            }
            for (int advice : ADVICE) {
                Native.call(Syscall.MADVISE, writable(), PAGE, advice);
            }
            Native.call(Syscall.MLOCK2, writable(), PAGE, 0);
            Native.call(Syscall.MLOCK2, writable(), PAGE, MLOCK_ONFAULT);
            map(next(), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE);
            uffd = Native.call(Syscall.USERFAULTFD, O_CLOEXEC);
            watch(writable());
        }

        private static long map(long at, long bytes, int prot, int flags) {
            return Native.call(Syscall.MMAP, at, bytes, prot, flags | MAP_ANONYMOUS, -1, 0);
        }

        private long next() {
            used += 2; // neighbours with the same flags would be one
            return base + (long) used * PAGE;
        }

        private long writable() {
            long page = next();
            Native.call(Syscall.MPROTECT, page, PAGE, PROT_READ | PROT_WRITE);
            return page;
        }

        private void watch(long page) {
            try (NativeMemory block = NativeMemory.allocate(32)) {
                block.putLong(0, UFFD_API);
                Native.call(Syscall.IOCTL, uffd, UFFDIO_API, block.address());
                block.clear();
                block.putLong(0, page);
                block.putLong(8, PAGE);
                block.putLong(16, UFFDIO_REGISTER_MODE_WP);
                Native.call(Syscall.IOCTL, uffd, UFFDIO_REGISTER, block.address());
            }
        }

        /** Without these a flag that a program sets could be mistaken. */
        void check(Set<FlagBits.Sample> samples) {
            long flags = 0;
            for (FlagBits.Sample sample : samples) {
                flags |= sample.flags();
            }
            for (VmFlag flag : new VmFlag[] {VmFlag.DC, VmFlag.WF, VmFlag.LO, VmFlag.DD}) {
                if (!flag.in(flags)) {
                    throw new IllegalArgumentException("no page of ours has " + flag.code());
                }
            }
        }

        @Override
        public void close() {
            if (!Native.failed(uffd)) {
                Native.call(Syscall.CLOSE, uffd);
            }
            if (!Native.failed(shared)) {
                Native.call(Syscall.MUNMAP, shared, PAGE);
            }
            Native.call(Syscall.MUNMAP, base, (long) COUNT * PAGE);
        }
    }

    @Override
    public void close() {
        iterator.close();
    }
}
