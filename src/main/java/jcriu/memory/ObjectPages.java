package jcriu.memory;

import jcriu.store.Runs;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;

/**
 * Which pages a shared object holds, in a way that need not be asked again: for 1 GiB the kernel
 * looks for data and holes for 20 ms, and lets nobody else do so meanwhile.
 *
 * <p>Where every block is data, a page that comes to be is one more block. (A page of fallocate(2)
 * is a block, and becomes data when it is touched.) One that goes is one block less, and moves
 * mtime and ctime, which nobody can set back. So an object with the same blocks and times holds the
 * same pages, if those times were over when it was looked at: the kernel tells the same time for
 * some milliseconds.
 */
public final class ObjectPages {
    private static final long OVER_MS = 100;

    private final FileStat stat;
    private final boolean settled;
    private final Runs used;

    private ObjectPages(FileStat stat, boolean settled, Runs used) {
        this.stat = stat;
        this.settled = settled;
        this.used = used;
    }

    /** Looks at an object. */
    public static ObjectPages of(Fd object) {
        FileStat stat = FileStat.of(object.procPath());
        long now = System.currentTimeMillis();
        Runs used = Holes.dataOf(object, stat.size());
        boolean settled =
                isOver(stat.mtimeSec(), stat.mtimeNsec(), now)
                        && isOver(stat.ctimeSec(), stat.ctimeNsec(), now)
                        && used.bytes() == stat.blocks() * 512;
        return new ObjectPages(stat, settled, used);
    }

    private static boolean isOver(long seconds, long nanos, long nowMs) {
        return nowMs - (seconds * 1000 + nanos / 1_000_000) > OVER_MS;
    }

    /** The same object as it is now. */
    public ObjectPages now(Fd object) {
        return settled && isAs(FileStat.of(object.procPath())) ? this : of(object);
    }

    private boolean isAs(FileStat now) {
        return now.sameFile(stat)
                && now.size() == stat.size()
                && now.blocks() == stat.blocks()
                && now.mtimeSec() == stat.mtimeSec()
                && now.mtimeNsec() == stat.mtimeNsec()
                && now.ctimeSec() == stat.ctimeSec()
                && now.ctimeNsec() == stat.ctimeNsec();
    }

    public long size() {
        return stat.size();
    }

    public Runs used() {
        return used;
    }
}
