package jcriu.resource;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Who clones whom when a tree is made again, so that each task has its session, its process group
 * and its parent.
 *
 * <p>A task is in the session of the one that clones it, until it makes its own by setsid(2). So a
 * child that kept the session which its parent had before is cloned early, before the parent makes
 * its session; all others late.
 *
 * <pre>
 *   P                     P, a subreaper, has adopted C, whose parent has ended. C is in session L,
 *   +-- L  leads          which no parent of C has been in: placeholder X is cloned by L, clones C
 *   |   +-- X             and ends. For a moment only P is a subreaper, so that C becomes its
 *   |       +-- C -.      child. Where L itself has ended, a placeholder with its pid stands for
 *   +-- C  <-------'      it; so it is with the leaders of groups, which their members can join.
 * </pre>
 *
 * <p>Source: credentials(7), setsid(2), setpgid(2), PR_SET_CHILD_SUBREAPER(2const).
 */
public final class ForkPlan {
    private static final int ANY = -1;

    /** What is to be made, as {@code pstree.img} says it. */
    public record Member(int pid, int ppid, int pgid, int sid) {}

    /** A task, or a placeholder, which ends when sessions and groups stand. */
    public static final class Node {
        private final int pid;
        private final int pgid;
        private final int sid;
        private final Node parent;
        private final Node wantedBy;
        private final List<Node> children = new ArrayList<>();
        private final List<Node> early = new ArrayList<>();
        private final List<Node> late = new ArrayList<>();
        private Node adopter;

        /** The session that it must be cloned in. */
        private int birth = ANY;

        private Node(int pid, int pgid, int sid, Node parent, Node wantedBy) {
            this.pid = pid;
            this.pgid = pgid;
            this.sid = sid;
            this.parent = parent;
            this.wantedBy = wantedBy;
        }

        /** 0 for a placeholder that may have any. */
        public int pid() {
            return pid;
        }

        /** 0 for any. */
        public int pgid() {
            return pgid;
        }

        public int sid() {
            return sid;
        }

        public boolean placeholder() {
            return wantedBy != null;
        }

        /** Those that it clones before it makes its session. */
        public List<Node> early() {
            return Collections.unmodifiableList(early);
        }

        /** Those that it clones afterwards. */
        public List<Node> late() {
            return Collections.unmodifiableList(late);
        }

        /** Of a placeholder: who clones it, and waits for its end. */
        public Node maker() {
            return parent;
        }

        /** Of a placeholder: the task that is to have its children; null if it has none. */
        public Node adopter() {
            return adopter;
        }

        private boolean leadsSession() {
            return pid != 0 && sid == pid;
        }

        private boolean isAbove(Node other) {
            Node at = other.parent;
            while (at != null && at != this) {
                at = at.parent;
            }
            return at != null;
        }
    }

    private final List<Node> nodes = new ArrayList<>();
    private final Map<Integer, Node> byPid = new HashMap<>();
    private String problem;

    private ForkPlan() {}

    /**
     * Plans.
     *
     * @param members the root first, parents before children
     */
    public static ForkPlan of(List<Member> members) {
        ForkPlan plan = new ForkPlan();
        for (Member m : members) {
            Node parent = plan.nodes.isEmpty() ? null : plan.byPid.get(m.ppid());
            Node node = new Node(m.pid(), m.pgid(), m.sid(), parent, null);
            plan.add(node);
            if (parent != null) {
                parent.children.add(node);
            }
        }
        plan.findBirths();
        plan.placeAll();
        plan.placeGroups(members.size());
        if (plan.problem == null && made(plan.root()) != plan.nodes.size()) {
            plan.problem = "the sessions of the tree contradict each other";
        }
        return plan;
    }

    private void add(Node node) {
        nodes.add(node);
        if (node.pid != 0) {
            byPid.put(node.pid, node);
        }
    }

    public Node root() {
        return nodes.get(0);
    }

    public Node node(int pid) {
        return byPid.get(pid);
    }

    /** Why the tree cannot be made so; null if it can. */
    public String problem() {
        return problem;
    }

    /** By pid what stands for leaders that are not in the tree: those pids must be free. */
    public Map<Integer, String> lostLeaders() {
        Map<Integer, String> lost = new LinkedHashMap<>();
        for (Node node : nodes) {
            if (node.placeholder() && node.pid != 0) {
                String what = node.leadsSession() ? "session " : "process group ";
                lost.put(node.pid, "task " + node.wantedBy.pid + " is in " + what + node.pid);
            }
        }
        return lost;
    }

    /** Moves behind the others those that are to be cloned last. */
    public void putLast(Predicate<Node> last) {
        for (Node node : nodes) {
            node.early.sort(Comparator.comparing(last::test));
            node.late.sort(Comparator.comparing(last::test));
        }
    }

    /** A leader of a session was in another one before, if children of its say so. */
    private void findBirths() {
        for (int i = nodes.size() - 1; i >= 0; i--) {
            Node node = nodes.get(i);
            if (!node.leadsSession()) {
                node.birth = node.sid;
                continue;
            }
            for (Node child : node.children) {
                boolean before = child.birth != ANY && child.birth != node.sid;
                boolean parents = node.parent != null && child.birth == node.parent.sid;
                if (before && (node.birth == ANY || parents)) {
                    node.birth = child.birth;
                }
            }
        }
        if (root().leadsSession()) {
            root().birth = ANY;
        }
    }

    private void placeAll() {
        Map<Integer, List<Node>> lost = new LinkedHashMap<>();
        for (Node node : nodes.subList(1, nodes.size())) {
            Node parent = node.parent;
            if (node.birth == ANY || node.birth == parent.sid) {
                parent.late.add(node);
            } else if (node.birth == parent.birth) {
                parent.early.add(node);
            } else {
                lost.computeIfAbsent(node.birth, s -> new ArrayList<>()).add(node);
            }
        }
        lost.forEach(this::placeLost);
    }

    /** Places tasks that are in a session which none of their parents can hand down. */
    private void placeLost(int session, List<Node> tasks) {
        Node leader = byPid.get(session);
        if (leader == null && session != 0 && session != root().sid) {
            Node deepest = tasks.get(0).parent;
            for (Node task : tasks) {
                deepest = deepest.isAbove(task.parent) ? task.parent : deepest;
            }
            leader = new Node(session, session, session, deepest, tasks.get(0));
            deepest.late.add(leader);
            add(leader);
        }
        Map<Node, Node> between = new HashMap<>();
        for (Node task : tasks) {
            Node adopter = task.parent;
            if (leader == null || !leader.leadsSession() || !adopter.isAbove(leader)) {
                problem =
                        "task "
                                + task.pid
                                + " is in session "
                                + session
                                + ", which its parent, task "
                                + adopter.pid
                                + ", was never in";
                return;
            }
            Node maker = leader;
            if (!leader.placeholder() || leader.parent != adopter) {
                maker = between.get(adopter);
                if (maker == null) {
                    maker = new Node(0, 0, session, leader, task);
                    leader.late.add(maker);
                    add(maker);
                    between.put(adopter, maker);
                }
            }
            maker.adopter = adopter;
            maker.late.add(task);
        }
    }

    /**
     * A group lives on when its leader has ended. To make it again, the first member gets a child
     * with the leader's pid. The group of the root may be outside.
     */
    private void placeGroups(int members) {
        for (Node node : List.copyOf(nodes.subList(0, members))) {
            int group = node.pgid;
            if (group != 0 && group != root().pgid && !byPid.containsKey(group)) {
                Node leader = new Node(group, group, node.sid, node, node);
                node.late.add(leader);
                add(leader);
            }
        }
    }

    private static int made(Node node) {
        int made = 1;
        for (Node child : node.early) {
            made += made(child);
        }
        for (Node child : node.late) {
            made += made(child);
        }
        return made;
    }
}
