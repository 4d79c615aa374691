package jcriu.memory;

import static jcriu.kernel.FileConstants.*;

import java.nio.file.Path;
import jcriu.errors.Errno;
import jcriu.kernel.Syscall;
import jcriu.store.HolePunch;
import jcriu.store.Runs;
import jcriu.sys.FaultPoint;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;

/**
 * Holes in pages files: fallocate(2) with FALLOC_FL_PUNCH_HOLE, lseek(2) with SEEK_DATA.
 *
 * <p>ext4, xfs, btrfs and tmpfs have them; what has not answers EOPNOTSUPP.
 */
public final class Holes implements HolePunch {
    private static final int PAGE = 4096;
    private static final int PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

    @Override
    public void before(Step step) {
        switch (step) {
            case WRITE -> FaultPoint.DEDUP_WRITE.pass();
            case SYNC -> FaultPoint.DEDUP_SYNC.pass();
            case RENAME -> FaultPoint.DEDUP_RENAME.pass();
            case PUNCH -> FaultPoint.DEDUP_PUNCH.pass();
        }
    }

    /** Tried behind the end of the file, where there is nothing to lose. */
    @Override
    public boolean supported(Path pages) {
        try (Fd file = open(pages, O_RDWR)) {
            long end = FileStat.of(file.procPath()).size() + PAGE - 1 & -PAGE;
            long r = Native.call(Syscall.FALLOCATE, file.number(), PUNCH, end, PAGE);
            if (r == -Errno.EOPNOTSUPP.number() || r == -Errno.ENOSYS.number()) {
                return false;
            }
            Native.check(r, "punch a hole behind the end of " + pages);
            return true;
        }
    }

    @Override
    public Runs data(Path pages, Runs offsets) {
        try (Fd file = open(pages, O_RDONLY)) {
            return offsets.and(dataOf(file, FileStat.of(file.procPath()).size()));
        }
    }

    /** What a file holds, in whole pages. */
    public static Runs dataOf(Fd file, long size) {
        Runs runs = new Runs();
        long at = 0;
        while (at < size) {
            long start = Native.call(Syscall.LSEEK, file.number(), at, SEEK_DATA);
            if (start == -Errno.ENXIO.number()) {
                break;
            }
            Native.check(start, "find data in " + file.name());
            long end =
                    Native.check(
                            Native.call(Syscall.LSEEK, file.number(), start, SEEK_HOLE),
                            "find a hole in " + file.name());
            runs.add(start & -PAGE, end + PAGE - 1 & -PAGE);
            at = end;
        }
        return runs;
    }

    @Override
    public void punch(Path pages, Runs offsets) {
        try (Fd file = open(pages, O_RDWR)) {
            for (int i = 0; i < offsets.size(); i++) {
                long start = offsets.start(i);
                Native.check(
                        Native.call(
                                Syscall.FALLOCATE,
                                file.number(),
                                PUNCH,
                                start,
                                offsets.end(i) - start),
                        "punch a hole into " + pages);
            }
        }
    }

    private static Fd open(Path pages, int mode) {
        return Fd.open(pages.toString(), mode | O_NOFOLLOW, 0);
    }
}
