package jcriu.dump;

import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import jcriu.errors.TaskGoneException;
import jcriu.errors.UnsupportedStateException;
import jcriu.proc.Stat;
import jcriu.resource.ForkPlan;
import jcriu.resource.TableSharing;

/** Refuses a tree that clone(2), setsid(2) and setpgid(2) cannot make again. */
final class CloneCheck {
    private CloneCheck() {}

    /**
     * Plans the restore.
     *
     * @param members the root first, parents before children
     * @param tableOf names the descriptor table of a pid; -1 if it has none
     * @param directoriesOf names its directories, likewise
     */
    static void check(
            List<ForkPlan.Member> members,
            IntUnaryOperator tableOf,
            IntUnaryOperator directoriesOf) {
        ForkPlan plan = ForkPlan.of(members);
        refuse(plan.problem(), "sessions");
        for (Map.Entry<Integer, String> leader : plan.lostLeaders().entrySet()) {
            if (lives(leader.getKey())) {
                refuse(leader.getValue() + ", whose leader is outside the tree", "sessions");
            }
        }
        refuse(TableSharing.descriptors(plan, tableOf).problem(), "sharing");
        refuse(TableSharing.directories(plan, directoriesOf).problem(), "sharing");
    }

    private static void refuse(String problem, String chapter) {
        if (problem != null) {
            throw new UnsupportedStateException("cannot dump the tree: " + problem)
                    .withHint("see docs/limits.md#" + chapter);
        }
    }

    private static boolean lives(int pid) {
        try {
            return !Stat.read(pid).isZombie();
        } catch (TaskGoneException e) {
            return false;
        }
    }
}
