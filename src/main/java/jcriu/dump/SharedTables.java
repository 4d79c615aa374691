package jcriu.dump;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;

/**
 * Which tasks or threads share what clone(2) lets them share: descriptor tables by CLONE_FILES,
 * directories by CLONE_FS.
 *
 * <p>kcmp(2) says how two tables are ordered, so that n tasks need n log n questions.
 */
final class SharedTables {
    private final Map<Integer, List<Integer>> members = new HashMap<>();

    private SharedTables() {}

    /**
     * @param pids tasks or threads
     * @param type KCMP_FILES or KCMP_FS
     */
    static SharedTables of(List<Integer> pids, int type) {
        SharedTables tables = new SharedTables();
        List<Integer> sorted = new ArrayList<>();
        for (int pid : pids) {
            tables.place(pid, type, sorted);
        }
        return tables;
    }

    private void place(int pid, int type, List<Integer> sorted) {
        int low = 0;
        int high = sorted.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            int other = sorted.get(middle);
            long r = Native.call(Syscall.KCMP, pid, other, type, 0, 0);
            if (r == 0) {
                List<Integer> both = members.get(other);
                both.add(pid);
                members.put(pid, both);
                return;
            }
            if (Native.check(r, "kcmp of tasks " + pid + " and " + other) == 1) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        sorted.add(low, pid);
        members.put(pid, new ArrayList<>(List.of(pid)));
    }

    /**
     * All that hold the table of a task, itself included, in the order in which they were given.
     */
    List<Integer> holders(int pid) {
        return members.get(pid);
    }
}
