package jcriu.restore;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.ToIntFunction;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.kernel.ProcessConstants;

/**
 * Makes tasks share descriptor tables, or directories, as they did: by CLONE_FILES or CLONE_FS,
 * clone(2), while there is nothing in them yet, and unshare(2).
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

    private final ToIntFunction<LoadedTask> tableOf;
    private final long flag;
    private final String name;

    private TableSharing(
            Iterable<LoadedTask> tree, ToIntFunction<LoadedTask> tableOf, long flag, String name) {
        this.tableOf = tableOf;
        this.flag = flag;
        this.name = name;
        for (LoadedTask task : tree) {
            if (tableOf.applyAsInt(task) != -1) {
                holders.merge(tableOf.applyAsInt(task), 1, Integer::sum);
            }
        }
    }

    static TableSharing descriptors(Iterable<LoadedTask> tree) {
        return new TableSharing(
                tree, task -> task.filesId, ProcessConstants.CLONE_FILES, "descriptor table");
    }

    static TableSharing directories(Iterable<LoadedTask> tree) {
        return new TableSharing(
                tree, task -> task.fsId, ProcessConstants.CLONE_FS, "working directory");
    }

    /**
     * The flag with which to clone a child, so that its subtree has the table that others outside
     * of it have, too; 0 if it has none in common with others.
     */
    long flagFor(TaskRestore parent, LoadedTask child) {
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
            return 0;
        }
        int table = wanted.iterator().next();
        if (wanted.size() > 1) {
            throw refuse(child);
        }
        int now = current.computeIfAbsent(parent.images, p -> 0);
        if (now != table) {
            if (now == tableOf.applyAsInt(parent.images) && shared(now)) {
                throw refuse(child);
            }
            if (now != 0) {
                parent.unshare(flag);
            }
            current.put(parent.images, table);
        }
        current.put(child, table);
        return flag;
    }

    /** Called when a task has cloned its children: it leaves a table that is not its own. */
    void childrenMade(TaskRestore task) {
        int now = current.computeIfAbsent(task.images, t -> 0);
        int own = tableOf.applyAsInt(task.images);
        if (now != 0 && now != own) {
            task.unshare(flag);
            if (shared(own)) {
                throw refuse(task.images);
            }
        }
    }

    private boolean shared(int table) {
        return holders.getOrDefault(table, 0) > 1;
    }

    private void count(LoadedTask task, Map<Integer, Integer> inside) {
        if (tableOf.applyAsInt(task) != -1) {
            inside.merge(tableOf.applyAsInt(task), 1, Integer::sum);
        }
        for (LoadedTask child : task.children) {
            count(child, inside);
        }
    }

    private JcriuException refuse(LoadedTask task) {
        return new JcriuException(
                        Kind.RESTORE_REFUSED,
                        "task "
                                + task.pid
                                + " shares its "
                                + name
                                + " with tasks to which clone cannot hand it down again")
                .withHint("see docs/limits.md#sharing");
    }
}
