package jcriu.memory;

import static jcriu.kernel.FileConstants.O_RDWR;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.LongPredicate;
import jcriu.errors.SyscallException;
import jcriu.kernel.MmanConstants;
import jcriu.proc.MapsVma;
import jcriu.proc.VmFlag;
import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * Pages that tell whether somebody has cleared the soft-dirty bits of a task since we did.
 *
 * <p>Anybody may write 4 to {@code clear_refs}, and writes made before that are lost to us. So once
 * the bits are cleared, some of them are set again, at random, in pages that the task itself cannot
 * write: those of read-only mappings of files that were changed before they became read-only, as
 * the dynamic linker does (RELRO). A bit is set by writing to a page what it holds already, by way
 * of {@code /proc/PID/mem}. Whoever clears the bits clears these, too, and another jcriu leaves
 * another pattern.
 *
 * @param pages addresses
 * @param set whose bit was set
 */
record Sentinels(long[] pages, boolean[] set) {
    private static final int MOST = 24;
    private static final int PAGE = 4096;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** The mappings that may have such pages. */
    private static boolean suits(MapsVma vma) {
        return !vma.shared()
                && vma.inode() != 0
                && (vma.prot() & MmanConstants.PROT_WRITE) == 0
                && vma.has(VmFlag.MW);
    }

    private static boolean own(long entry) {
        return (entry & PageEntries.PRESENT) != 0 && (entry & PageEntries.FILE) == 0;
    }

    /**
     * Chooses pages of a stopped task whose bits have just been cleared, and sets some of them.
     *
     * @return what was set; none if there are no such pages, or they cannot be written to
     */
    static Sentinels set(int pid, List<MapsVma> vmas, PageEntries entries) {
        List<Long> alone = new ArrayList<>();
        List<Long> common = new ArrayList<>();
        for (MapsVma vma : vmas) {
            if (suits(vma)) {
                entries.visit(
                        vma.start(),
                        vma.end(),
                        (page, entry) -> {
                            if (own(entry)) {
                                ((entry & PageEntries.EXCLUSIVE) != 0 ? alone : common).add(page);
                            }
                        });
            }
        }
        boolean[] set;
        List<Long> chosen = new ArrayList<>();
        if (alone.isEmpty()) { // one page that is no longer shared with a relative then
            chosen.addAll(some(common));
            set = new boolean[chosen.size()];
            if (!chosen.isEmpty()) {
                set[RANDOM.nextInt(chosen.size())] = true;
            }
        } else {
            chosen.addAll(some(alone));
            set = new boolean[chosen.size()];
            set[RANDOM.nextInt(set.length)] = true;
            for (int i = 0; i < set.length; i++) {
                set[i] |= RANDOM.nextBoolean();
            }
        }
        Sentinels sentinels =
                new Sentinels(chosen.stream().mapToLong(Long::longValue).toArray(), set);
        return sentinels.poke(pid) && sentinels.stand(page -> true, entries)
                ? sentinels
                : new Sentinels(new long[0], new boolean[0]);
    }

    private static List<Long> some(List<Long> pages) {
        Collections.shuffle(pages, RANDOM);
        return pages.subList(0, Math.min(MOST, pages.size()));
    }

    private boolean poke(int pid) {
        String path = "/proc/" + pid + "/mem";
        long number = Fd.tryOpen(path, O_RDWR, 0);
        if (Native.failed(number)) {
            return false;
        }
        try (Fd mem = new Fd(number, path);
                NativeMemory word = NativeMemory.allocate(8)) {
            for (int i = 0; i < pages.length; i++) {
                if (set[i]) {
                    mem.readFully(word.address(), 8, pages[i]);
                    mem.writeFully(word.address(), 8, pages[i]);
                }
            }
            return true;
        } catch (SyscallException e) {
            return false; // since Linux 6.12 an administrator can forbid it
        }
    }

    /** Those whose bit was set: their content says whether the task has changed them, too. */
    Runs marked() {
        Runs marked = new Runs();
        for (int i = 0; i < pages.length; i++) {
            if (set[i]) {
                Runs one = new Runs();
                one.add(pages[i], pages[i] + PAGE);
                marked = marked.or(one);
            }
        }
        return marked;
    }

    /**
     * Whether nobody has cleared the bits: at least one that we set is there, and none is otherwise
     * than we left it. What is not the same mapping any more says nothing.
     */
    boolean stand(List<MapsVma> vmas, PageEntries entries) {
        return stand(page -> saysSomething(page, vmas), entries);
    }

    private boolean stand(LongPredicate believed, PageEntries entries) {
        boolean stands = false;
        for (int i = 0; i < pages.length; i++) {
            if (!believed.test(pages[i])) {
                continue;
            }
            long entry = entries.of(pages[i]);
            if ((entry & (PageEntries.PRESENT | PageEntries.SWAPPED)) == 0
                    || (entry & PageEntries.FILE) != 0) {
                continue;
            }
            if ((entry & PageEntries.SOFT_DIRTY) != 0 != set[i]) {
                return false;
            }
            stands |= set[i];
        }
        return stands;
    }

    private static boolean saysSomething(long page, List<MapsVma> vmas) {
        for (MapsVma vma : vmas) {
            if (vma.contains(page)) {
                return suits(vma) && !vma.has(VmFlag.SD);
            }
        }
        return false;
    }

    int size() {
        return 4 + 9 * pages.length;
    }

    void write(ByteBuffer to) {
        to.putInt(pages.length);
        for (int i = 0; i < pages.length; i++) {
            to.putLong(pages[i]).put((byte) (set[i] ? 1 : 0));
        }
    }

    static Sentinels read(ByteBuffer from) {
        long[] pages = new long[from.getInt()];
        boolean[] set = new boolean[pages.length];
        for (int i = 0; i < pages.length; i++) {
            pages[i] = from.getLong();
            set[i] = from.get() != 0;
        }
        return new Sentinels(pages, set);
    }
}
