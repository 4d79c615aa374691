package jcriu.resource;

import jcriu.image.proto.fown_entry;
import jcriu.kernel.FileConstants;
import jcriu.proc.FdLink;
import jcriu.proc.Fdinfo;
import jcriu.proc.ProcFs;
import jcriu.sys.FileStat;

/**
 * A descriptor of a task while it is dumped: what the three places say that describe it.
 *
 * @param path {@code /proc/PID/fd/N}: leads to the open file itself
 */
record OpenFile(int pid, int fd, String path, FdLink link, Fdinfo info, FileStat stat) {

    static OpenFile of(int pid, int fd) {
        String path = "/proc/" + pid + "/fd/" + fd;
        FileStat stat = FileStat.tryOf(path);
        if (stat == null) {
            stat = ProcFile.descriptors(ProcFs.readlink(path), Fdinfo.read(pid, fd));
        }
        if (stat == null) {
            stat = FileStat.of(path); // closed meanwhile
        }
        return new OpenFile(
                pid, fd, path, FdLink.read(pid, fd).of(stat), Fdinfo.read(pid, fd), stat);
    }

    /** Status flags of the description, without the descriptor's close-on-exec. */
    int flags() {
        return info.flags() & ~FileConstants.O_CLOEXEC;
    }

    boolean closeOnExec() {
        return (info.flags() & FileConstants.O_CLOEXEC) != 0;
    }

    /** For messages, e.g. {@code pid 12 (nginx): fd 9}. */
    String subject() {
        return "pid " + pid + " (" + Names.comm(pid) + "): fd " + fd;
    }

    /**
     * The same: to be passed on where a message may never be made, for it costs a look at /proc.
     */
    @Override
    public String toString() {
        return subject();
    }

    /** Who gets its signals. */
    fown_entry fown() {
        return Fown.of(this);
    }
}
