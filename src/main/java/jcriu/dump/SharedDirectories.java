package jcriu.dump;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.errors.UnsupportedStateException;
import jcriu.kernel.FileConstants;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;

/**
 * Which tasks, and which threads of a task, share working directory, root directory and umask:
 * clone(2) with CLONE_FS and unshare(2).
 */
final class SharedDirectories {
    /** Of each thread the first one that has the same; a process's first thread before others. */
    private final Map<Integer, Integer> owners = new HashMap<>();

    private SharedDirectories() {}

    /**
     * @param threads of each task, its first thread first
     * @throws UnsupportedStateException if a thread that has left those of its process shares some
     *     with another process
     */
    static SharedDirectories of(Map<Integer, int[]> threads) {
        Map<Integer, Integer> processes = new HashMap<>();
        List<Integer> all = new ArrayList<>(threads.keySet());
        threads.forEach(
                (pid, tids) -> {
                    for (int tid : tids) {
                        if (tid != pid && !same(pid, tid)) {
                            all.add(tid);
                            processes.put(tid, pid);
                        }
                    }
                });
        SharedTables tables = SharedTables.of(all, FileConstants.KCMP_FS);
        SharedDirectories directories = new SharedDirectories();
        for (int tid : all) {
            int owner = tables.holders(tid).get(0);
            Integer process = processes.get(tid);
            if (process != null && !process.equals(processes.get(owner))) {
                throw new UnsupportedStateException(
                                "pid "
                                        + process
                                        + ": thread "
                                        + tid
                                        + " shares its directories with thread "
                                        + owner
                                        + " of another process, which is not supported")
                        .withHint("see docs/limits.md#threads");
            }
            directories.owners.put(tid, owner);
        }
        threads.forEach(
                (pid, tids) -> {
                    for (int tid : tids) {
                        directories.owners.putIfAbsent(tid, directories.owners.get(pid));
                    }
                });
        return directories;
    }

    private static boolean same(int first, int second) {
        long r = Native.call(Syscall.KCMP, first, second, FileConstants.KCMP_FS, 0, 0);
        return Native.check(r, "kcmp of threads " + first + " and " + second) == 0;
    }

    /** The first thread that has the same as this one: itself, where nobody came before. */
    int owner(int tid) {
        return owners.get(tid);
    }
}
