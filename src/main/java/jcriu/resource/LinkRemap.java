package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.UnsupportedStateException;
import jcriu.kernel.Syscall;
import jcriu.sys.Fd;
import jcriu.sys.FileStat;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * Open files whose name is gone, or is another file's now, while they have hard links elsewhere:
 * nobody can tell where. With {@code --link-remap} the dump gives such a file one more link, {@code
 * link_remap.N} in the directory where its name was; the restore opens that and removes it.
 *
 * <p>Source: linkat(2) with AT_SYMLINK_FOLLOW on a link of {@code /proc}.
 */
final class LinkRemap {
    private static final String PREFIX = "link_remap.";
    private static final int TRIES = 10_000;

    private final boolean allowed;
    private final Map<String, Integer> fileIds = new HashMap<>();
    private final List<String> made = new ArrayList<>();
    private int last;

    /**
     * @param allowed whether links may be made, {@code --link-remap}
     */
    LinkRemap(boolean allowed) {
        this.allowed = allowed;
    }

    /**
     * Refuses a file that cannot be reached by its path.
     *
     * @param now what is at the path, or null
     */
    void check(Object subject, String name, FileStat stat, FileStat now) {
        boolean possible = stat.type() != S_IFDIR;
        if (allowed && possible) {
            return;
        }
        throw (UnsupportedStateException)
                new UnsupportedStateException(
                                subject
                                        + " is "
                                        + name
                                        + ", but that path is "
                                        + (now == null ? "gone" : "another file now")
                                        + " (the file still has "
                                        + stat.nlink()
                                        + " other name(s))")
                        .withHint(
                                (possible ? "add --link-remap, or " : "")
                                        + "put the file back, or close it before the dump;"
                                        + " see docs/limits.md#renamed-files");
    }

    /** Whether a path is one that {@link #dump} gives. */
    static boolean isLink(String path) {
        return path.substring(path.lastIndexOf('/') + 1).matches("link_remap\\.[0-9]+");
    }

    /** The file entry of the link to a file, if there is one already. */
    Integer known(FileStat stat) {
        return fileIds.get(stat.dev() + ":" + stat.ino());
    }

    /**
     * Makes the link.
     *
     * @param contentPath a link of {@code /proc} that leads to the file
     * @param fileId of the entry that will name the link
     * @return the path of the link
     */
    String dump(Object subject, String name, FileStat stat, String contentPath, int fileId) {
        String parent = TemporaryParents.parentOf(name);
        String start = (parent.equals("/") ? "" : parent) + "/" + PREFIX;
        long r = -Errno.EEXIST.number();
        String path = null;
        for (int i = 0; r == -Errno.EEXIST.number() && i < TRIES; i++) {
            path = start + ++last;
            r = link(contentPath, path, AT_SYMLINK_FOLLOW);
        }
        if (Native.failed(r)) {
            throw (UnsupportedStateException)
                    new UnsupportedStateException(
                                    subject
                                            + " is "
                                            + name
                                            + ", whose path is gone, and it cannot get the name "
                                            + path
                                            + ": "
                                            + Errno.ofResult(r).describe())
                            .withHint("see docs/limits.md#renamed-files");
        }
        made.add(path);
        fileIds.put(stat.dev() + ":" + stat.ino(), fileId);
        return path;
    }

    /** Takes the links away again: the dump has failed. */
    void undo() {
        made.forEach(path -> TemporaryParents.unlink(path, 0));
        made.clear();
    }

    private static long link(String from, String to, int flags) {
        try (NativeMemory old = NativeMemory.cString(from);
                NativeMemory name = NativeMemory.cString(to)) {
            return Native.call(
                    Syscall.LINKAT, AT_FDCWD, old.address(), AT_FDCWD, name.address(), flags);
        }
    }

    /** The links of a restore. */
    static final class Restored {
        private final Set<String> used = new LinkedHashSet<>();

        /**
         * Opens a file by its link, under its old name where that is free, so that its name in
         * {@code /proc} is what it was.
         */
        Fd open(String name, String linkPath, int flags) {
            if (FileStat.tryOf(linkPath) == null) {
                throw new JcriuException(
                                Kind.RESTORE_REFUSED,
                                "file " + linkPath + ", the link to " + name + ", is missing")
                        .withHint("a restore removes it: dump again, or link the file there");
            }
            used.add(linkPath);
            boolean named = link(linkPath, name, 0) == 0;
            try {
                return Fd.open(named ? name : linkPath, flags);
            } catch (SyscallException e) {
                throw new JcriuException(Kind.RESTORE_REFUSED, e.what(), e)
                        .withHint("make the file accessible as it was at the dump");
            } finally {
                if (named) {
                    TemporaryParents.unlink(name, 0);
                }
            }
        }

        /** The tree runs: the links have served. */
        void remove() {
            used.forEach(path -> TemporaryParents.unlink(path, 0));
            used.clear();
        }
    }
}
