package jcriu.resource;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.IntUnaryOperator;
import jcriu.kernel.ProcessConstants;
import jcriu.resource.ForkPlan.Node;

/**
 * How tasks come to share descriptor tables, or directories: by CLONE_FILES or CLONE_FS, clone(2),
 * while there is nothing in them yet, and unshare(2).
 *
 * <p>A table is handed down from parent to child only, so where two tasks share one, every task on
 * the way between them in the tree has it for a while; one that is not a holder leaves it when it
 * has cloned its children. A child's subtree can be handed one table at most, and a parent that has
 * left a table cannot come back to it: such trees, which take an unshare(2) or an execve(2) in the
 * middle to make, are refused.
 */
public final class TableSharing {
    private static final int NONE = -1;

    /** Tasks by table. */
    private final Map<Integer, Integer> holders = new HashMap<>();

    /** The table that a task has, while it is planned: one of the images, or 0, nobody else's. */
    private final Map<Node, Integer> current = new HashMap<>();

    private final Set<Node> sharing = new HashSet<>();
    private final Set<Node> leavesBefore = new HashSet<>();
    private final Set<Node> leavesAfter = new HashSet<>();
    private final IntUnaryOperator tableOf;
    private final long flag;
    private final String name;
    private String problem;

    private TableSharing(ForkPlan plan, IntUnaryOperator tableOf, long flag, String name) {
        this.tableOf = tableOf;
        this.flag = flag;
        this.name = name;
        count(plan.root(), holders);
        if (holders.values().stream().anyMatch(tasks -> tasks > 1)) {
            walk(plan.root());
        }
    }

    /**
     * Plans for descriptor tables.
     *
     * @param tableOf names the table of a pid, by a positive number; -1 if it has none
     */
    public static TableSharing descriptors(ForkPlan plan, IntUnaryOperator tableOf) {
        return new TableSharing(plan, tableOf, ProcessConstants.CLONE_FILES, "descriptor table");
    }

    /** Plans for directories, likewise. */
    public static TableSharing directories(ForkPlan plan, IntUnaryOperator tableOf) {
        return new TableSharing(plan, tableOf, ProcessConstants.CLONE_FS, "working directory");
    }

    /** Why they cannot share as they did; null if they can. */
    public String problem() {
        return problem;
    }

    /** Whether the task that clones this one leaves its table before. */
    public boolean leavesBefore(Node child) {
        return leavesBefore.contains(child);
    }

    /** Whether a task leaves its table when it has cloned its children. */
    public boolean leavesAfter(Node task) {
        return leavesAfter.contains(task);
    }

    /** The flag with which a task is cloned, or 0. */
    public long flagFor(Node child) {
        return sharing.contains(child) ? flag : 0;
    }

    /** The flag with which unshare(2) leaves. */
    public long flag() {
        return flag;
    }

    private void walk(Node task) {
        for (Node child : task.early()) {
            place(task, child);
            walk(child);
        }
        for (Node child : task.late()) {
            place(task, child);
            walk(child);
        }
        int now = current.getOrDefault(task, 0);
        int own = table(task);
        if (now != 0 && now != own) {
            leavesAfter.add(task);
            if (shared(own)) {
                refuse(task);
            }
        }
    }

    /** Its subtree has the table that others outside of it have, too, if there is one. */
    private void place(Node parent, Node child) {
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
            return;
        }
        int table = wanted.iterator().next();
        int now = current.getOrDefault(parent, 0);
        if (wanted.size() > 1 || now != table && now == table(parent) && shared(now)) {
            refuse(child);
            return;
        }
        if (now != table) {
            if (now != 0) {
                leavesBefore.add(child);
            }
            current.put(parent, table);
        }
        current.put(child, table);
        sharing.add(child);
    }

    private int table(Node node) {
        return node.placeholder() ? NONE : tableOf.applyAsInt(node.pid());
    }

    private boolean shared(int table) {
        return holders.getOrDefault(table, 0) > 1;
    }

    private void count(Node task, Map<Integer, Integer> inside) {
        if (table(task) != NONE) {
            inside.merge(table(task), 1, Integer::sum);
        }
        task.early().forEach(child -> count(child, inside));
        task.late().forEach(child -> count(child, inside));
    }

    private void refuse(Node task) {
        if (problem == null) {
            problem =
                    "task "
                            + task.pid()
                            + " shares its "
                            + name
                            + " with tasks to which clone cannot hand it down again";
        }
    }
}
