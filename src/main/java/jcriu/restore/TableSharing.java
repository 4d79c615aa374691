package jcriu.restore;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.resource.Inheritance;

/**
 * Makes tasks share descriptor tables as they did: by CLONE_FILES, clone(2), while all tables are
 * still empty, and unshare(2).
 *
 * <p>A table is handed down from parent to child only, so where two tasks share one, every task on
 * the way between them in the tree has it for a while; one that is not a holder leaves it when it
 * has cloned its children. A child's subtree can be handed one table at most, and a parent that has
 * left a table cannot come back to it: such trees, which take an unshare(2) or an execve(2) in the
 * middle to make, are refused.
 */
final class TableSharing {
    /** Tasks by table. */
    private final Map<Integer, Integer> holders = new HashMap<>();

    /** The table that a task has now: one of the images, or 0, nobody else's. */
    private final Map<LoadedTask, Integer> current = new HashMap<>();

    TableSharing(Iterable<LoadedTask> tree) {
        for (LoadedTask task : tree) {
            if (task.filesId != -1) {
                holders.merge(task.filesId, 1, Integer::sum);
            }
        }
    }

    /** Clones a child so that its subtree has the table that others outside of it have, too. */
    TaskRestore fork(TaskRestore parent, LoadedTask child, Inheritance kept) {
        Map<Integer, Integer> inside = new HashMap<>();
        count(child, inside);
        Set<Integer> wanted = new HashSet<>();
        inside.forEach(
                (table, tasks) -> {
                    if (tasks < holders.get(table)) {
                        wanted.add(table);
                    }
                });
        if (wanted.isEmpty()) {
            return parent.fork(child, false, kept);
        }
        int table = wanted.iterator().next();
        if (wanted.size() > 1) {
            throw refuse(child);
        }
        int now = current.computeIfAbsent(parent.images, p -> 0);
        if (now != table) {
            if (now == parent.images.filesId && shared(now)) {
                throw refuse(child);
            }
            if (now != 0) {
                parent.unshareTable();
            }
            current.put(parent.images, table);
        }
        TaskRestore task = parent.fork(child, true, kept);
        current.put(child, table);
        return task;
    }

    /** Called when a task has cloned its children: it leaves a table that is not its own. */
    void childrenMade(TaskRestore task) {
        int now = current.computeIfAbsent(task.images, t -> 0);
        if (now != 0 && now != task.images.filesId) {
            task.unshareTable();
            if (shared(task.images.filesId)) {
                throw refuse(task.images);
            }
        }
    }

    private boolean shared(int table) {
        return holders.getOrDefault(table, 0) > 1;
    }

    private static void count(LoadedTask task, Map<Integer, Integer> inside) {
        if (task.filesId != -1) {
            inside.merge(task.filesId, 1, Integer::sum);
        }
        for (LoadedTask child : task.children) {
            count(child, inside);
        }
    }

    private static JcriuException refuse(LoadedTask task) {
        return new JcriuException(
                        Kind.RESTORE_REFUSED,
                        "task "
                                + task.pid
                                + " shares its descriptor table with tasks to which clone cannot"
                                + " hand it down again")
                .withHint("see docs/limits.md#sharing");
    }
}
