package jcriu.resource;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import jcriu.resource.ForkPlan.Member;
import jcriu.resource.ForkPlan.Node;
import org.junit.jupiter.api.Test;

class ForkPlanTest {
    private static final Member ROOT = new Member(10, 1, 10, 10);

    private static ForkPlan plan(Member... others) {
        Member[] all = new Member[others.length + 1];
        all[0] = ROOT;
        System.arraycopy(others, 0, all, 1, others.length);
        return ForkPlan.of(Arrays.asList(all));
    }

    private static List<Integer> pids(List<Node> nodes) {
        return nodes.stream().map(Node::pid).toList();
    }

    @Test
    void shouldCloneAChildOfTheSessionBeforeEarly() {
        ForkPlan plan =
                plan(
                        new Member(11, 10, 11, 11),
                        new Member(12, 11, 10, 10),
                        new Member(13, 11, 11, 11));
        assertNull(plan.problem());
        assertEquals(List.of(12), pids(plan.node(11).early()));
        assertEquals(List.of(13), pids(plan.node(11).late()));
        assertTrue(plan.lostLeaders().isEmpty());
    }

    /** 12 is a daemon, 13 the child of its that it had before a session of its own. */
    @Test
    void shouldMakeTheSessionOfADeadLeader() {
        ForkPlan plan = plan(new Member(12, 10, 12, 12), new Member(13, 12, 13, 11));
        assertNull(plan.problem());
        assertEquals(Set.of(11), plan.lostLeaders().keySet());
        Node leader = plan.node(11);
        assertTrue(leader.placeholder());
        assertSame(plan.root(), leader.maker());
        assertSame(plan.root(), leader.adopter());
        assertEquals(List.of(12), pids(leader.late()));
        assertEquals(List.of(13), pids(plan.node(12).early()));
    }

    /** 13, orphaned below 12, which lives, belongs to the root. */
    @Test
    void shouldCloneAnOrphanByWayOfTheLeaderOfItsSession() {
        ForkPlan plan =
                plan(
                        new Member(11, 10, 10, 10),
                        new Member(12, 11, 12, 12),
                        new Member(13, 10, 12, 12));
        assertNull(plan.problem());
        Node between = plan.node(12).late().get(0);
        assertEquals(0, between.pid());
        assertSame(plan.node(12), between.maker());
        assertSame(plan.root(), between.adopter());
        assertEquals(List.of(13), pids(between.late()));
    }

    /** Below each other, the root and 11 have adopted from the same session. */
    @Test
    void shouldPutADeadLeaderBelowTheDeepestAdopter() {
        ForkPlan plan =
                plan(
                        new Member(11, 10, 10, 10),
                        new Member(13, 10, 12, 12),
                        new Member(14, 11, 12, 12));
        assertNull(plan.problem());
        Node leader = plan.node(12);
        assertSame(plan.node(11), leader.maker());
        assertEquals(List.of(0, 14), pids(leader.late()));
        assertSame(plan.root(), leader.late().get(0).adopter());
    }

    @Test
    void shouldRefuseWhatCannotHaveCome() {
        // a session from a branch that is not above, or from outside
        ForkPlan cousin =
                plan(
                        new Member(11, 10, 11, 11),
                        new Member(12, 10, 10, 10),
                        new Member(13, 12, 11, 11));
        assertEquals(
                "task 13 is in session 11, which its parent, task 12, was never in",
                cousin.problem());
        ForkPlan outside =
                ForkPlan.of(List.of(new Member(10, 1, 10, 10), new Member(11, 10, 11, 0)));
        assertEquals(
                "task 11 is in session 0, which its parent, task 10, was never in",
                outside.problem());
        // each of two would have to be cloned below the other
        ForkPlan circle =
                plan(
                        new Member(11, 10, 11, 14),
                        new Member(12, 10, 12, 13),
                        new Member(13, 11, 13, 13),
                        new Member(14, 12, 14, 14));
        assertEquals("the sessions of the tree contradict each other", circle.problem());
    }

    @Test
    void shouldLeadGroupsOfDeadLeaders() {
        ForkPlan plan = plan(new Member(11, 10, 15, 10), new Member(12, 11, 15, 10));
        assertEquals(Map.of(15, "task 11 is in process group 15"), plan.lostLeaders());
        assertEquals(List.of(12, 15), pids(plan.node(11).late()));
    }

    @Test
    void shouldPlanAnyTreeOrSayWhyNot() {
        for (int seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            int size = 2 + random.nextInt(8);
            Member[] members = new Member[size];
            for (int i = 0; i < size; i++) {
                int pid = 10 + i;
                int ppid = i == 0 ? 1 : 10 + random.nextInt(i);
                boolean leads = i == 0 || random.nextInt(3) == 0;
                int sid = leads ? pid : 9 + random.nextInt(size + 2);
                members[i] = new Member(pid, ppid, 9 + random.nextInt(size + 2), sid);
            }
            ForkPlan plan = ForkPlan.of(Arrays.asList(members));
            if (plan.problem() == null) {
                requireRight(plan, members, seed);
            }
        }
    }

    /** Plays the plan: who is in which session, and whose child. */
    private static void requireRight(ForkPlan plan, Member[] members, int seed) {
        Map<Integer, Integer> parents = new HashMap<>();
        Map<Integer, Integer> sessions = new HashMap<>();
        play(plan.root(), 1, ROOT.pid(), parents, sessions);
        for (Member member : members) {
            assertEquals(member.sid(), sessions.get(member.pid()), "seed " + seed);
            assertEquals(member.ppid(), parents.get(member.pid()), "seed " + seed);
        }
    }

    private static void play(
            Node node,
            int parent,
            int session,
            Map<Integer, Integer> parents,
            Map<Integer, Integer> sessions) {
        boolean leads = node.pid() != 0 && node.pid() == node.sid();
        parents.put(node.pid(), parent);
        sessions.put(node.pid(), leads ? node.pid() : session);
        int child = node.adopter() != null ? node.adopter().pid() : node.pid();
        node.early().forEach(c -> play(c, child, session, parents, sessions));
        node.late().forEach(c -> play(c, child, leads ? node.pid() : session, parents, sessions));
    }

    /** (pid, table): 11 shares one with its brother, its child another one with another brother. */
    @Test
    void shouldRefuseTwoTablesAcrossOneTask() {
        ForkPlan plan =
                plan(
                        new Member(11, 10, 10, 10),
                        new Member(12, 10, 10, 10),
                        new Member(13, 10, 10, 10),
                        new Member(14, 11, 10, 10));
        Map<Integer, Integer> tables = Map.of(10, 1, 11, 2, 12, 2, 13, 3, 14, 3);
        assertEquals(
                "task 11 shares its descriptor table with tasks to which clone cannot hand it"
                        + " down again",
                TableSharing.descriptors(plan, tables::get).problem());
        Map<Integer, Integer> simple = Map.of(10, 1, 11, 2, 12, 2, 13, 3, 14, 2);
        TableSharing sharing = TableSharing.directories(plan, simple::get);
        assertNull(sharing.problem());
        assertEquals(sharing.flag(), sharing.flagFor(plan.node(12)));
        assertEquals(0, sharing.flagFor(plan.node(13)));
        assertTrue(sharing.leavesAfter(plan.root()));
    }
}
