package jcriu.dump;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import jcriu.kernel.FileConstants;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;

/**
 * Which tasks share a descriptor table without being threads: clone(2) with CLONE_FILES.
 *
 * <p>kcmp(2) says how two tables are ordered, so that n tasks need n log n questions.
 */
final class SharedTables {
    private final Map<Integer, List<Integer>> members = new HashMap<>();

    private SharedTables() {}

    static SharedTables of(List<Integer> pids) {
        SharedTables tables = new SharedTables();
        List<Integer> sorted = new ArrayList<>();
        for (int pid : pids) {
            tables.place(pid, sorted);
        }
        return tables;
    }

    private void place(int pid, List<Integer> sorted) {
        int low = 0;
        int high = sorted.size();
        while (low < high) {
            int middle = (low + high) >>> 1;
            int other = sorted.get(middle);
            long r = Native.call(Syscall.KCMP, pid, other, FileConstants.KCMP_FILES, 0, 0);
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

    /** All tasks that hold the table of a task, itself included, in the order of the tree. */
    List<Integer> holders(int pid) {
        return members.get(pid);
    }
}
