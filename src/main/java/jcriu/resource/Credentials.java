package jcriu.resource;

import static jcriu.kernel.ProcessConstants.*;

import java.util.List;
import jcriu.image.proto.creds_entry;
import jcriu.kernel.Syscall;
import jcriu.proc.Status;
import jcriu.tracee.RemoteBatch;

/**
 * Credentials of a thread: ids, groups, capability sets, securebits, no_new_privs.
 *
 * <p>Source: credentials(7), capabilities(7).
 */
final class Credentials {
    private static final int CAPABILITY_VERSION_3 = 0x20080522;
    private static final int KEEP_CAPS_AND_NO_FIXUP = 1 << 2 | 1 << 4;

    private Credentials() {}

    static creds_entry dump(Status status, int securebits) {
        creds_entry.Builder c =
                creds_entry
                        .newBuilder()
                        .setUid(status.uids()[0])
                        .setEuid(status.uids()[1])
                        .setSuid(status.uids()[2])
                        .setFsuid(status.uids()[3])
                        .setGid(status.gids()[0])
                        .setEgid(status.gids()[1])
                        .setSgid(status.gids()[2])
                        .setFsgid(status.gids()[3])
                        .setSecbits(securebits);
        c.addCapInh((int) status.capInh()).addCapInh((int) (status.capInh() >>> 32));
        c.addCapPrm((int) status.capPrm()).addCapPrm((int) (status.capPrm() >>> 32));
        c.addCapEff((int) status.capEff()).addCapEff((int) (status.capEff() >>> 32));
        c.addCapBnd((int) status.capBnd()).addCapBnd((int) (status.capBnd() >>> 32));
        c.addCapAmb((int) status.capAmb()).addCapAmb((int) (status.capAmb() >>> 32));
        for (int group : status.groups()) {
            c.addGroups(group);
        }
        if (status.noNewPrivs() != 0) {
            c.setNoNewPrivs(status.noNewPrivs());
        }
        return c.build();
    }

    private static long set(List<Integer> words) {
        long set = 0;
        for (int i = 0; i < Math.min(2, words.size()); i++) {
            set |= (words.get(i) & 0xffffffffL) << 32 * i;
        }
        return set;
    }

    /**
     * Adds what turns a thread of ours into one with these credentials. Nothing that needs a
     * privilege may follow.
     *
     * @param ours the credentials that the thread has now; what is equal is not touched
     */
    static void restore(creds_entry c, Status ours, RemoteBatch batch) {
        boolean sameGroups = ours.groups().length == c.getGroupsCount();
        for (int i = 0; sameGroups && i < c.getGroupsCount(); i++) {
            sameGroups = ours.groups()[i] == c.getGroups(i);
        }
        if (!sameGroups) {
            long groups = batch.data(4 * c.getGroupsCount() + 4);
            for (int i = 0; i < c.getGroupsCount(); i++) {
                batch.putInt(groups + 4L * i, c.getGroups(i));
            }
            batch.add("set groups", Syscall.SETGROUPS, c.getGroupsCount(), groups);
        }
        long bounding = set(c.getCapBndList());
        boolean sameIds =
                same(ours.uids(), c.getUid(), c.getEuid(), c.getSuid(), c.getFsuid())
                        && same(ours.gids(), c.getGid(), c.getEgid(), c.getSgid(), c.getFsgid());
        boolean sameCaps =
                set(c.getCapInhList()) == ours.capInh()
                        && set(c.getCapPrmList()) == ours.capPrm()
                        && set(c.getCapEffList()) == ours.capEff()
                        && set(c.getCapAmbList()) == ours.capAmb()
                        && bounding == ours.capBnd();
        long permitted = set(c.getCapPrmList());
        long inheritable = set(c.getCapInhList());
        boolean fewer =
                bounding == ours.capBnd()
                        && (permitted & ~ours.capPrm()) == 0
                        && (inheritable & ~(ours.capInh() | ours.capPrm())) == 0;
        if (sameIds && fewer && !sameCaps && c.getSecbits() == 0) {
            // giving capabilities up takes none: a jcriu with a few restores a target with none
            capset(batch, "set capabilities", permitted, set(c.getCapEffList()), inheritable);
            restoreAmbient(c, ours, batch);
        } else if (!sameIds || !sameCaps || c.getSecbits() != 0) {
            batch.add(
                    "keep capabilities", Syscall.PRCTL, PR_SET_SECUREBITS, KEEP_CAPS_AND_NO_FIXUP);
            for (int cap = 0; cap < 64; cap++) {
                if ((ours.capBnd() & ~bounding & 1L << cap) != 0) {
                    batch.add("drop capability " + cap, Syscall.PRCTL, PR_CAPBSET_DROP, cap);
                }
            }
            batch.add("set gids", Syscall.SETRESGID, u(c.getGid()), u(c.getEgid()), u(c.getSgid()));
            batch.add("set fsgid", Syscall.SETFSGID, u(c.getFsgid()));
            batch.add("set uids", Syscall.SETRESUID, u(c.getUid()), u(c.getEuid()), u(c.getSuid()));
            batch.add("set fsuid", Syscall.SETFSUID, u(c.getFsuid()));
            // securebits need CAP_SETPCAP: first with all that stays permitted, then for good
            capset(batch, "set permitted capabilities", ours.capPrm() | permitted, -1, inheritable);
            batch.add("set securebits", Syscall.PRCTL, PR_SET_SECUREBITS, c.getSecbits());
            capset(batch, "set capabilities", permitted, set(c.getCapEffList()), inheritable);
            restoreAmbient(c, ours, batch);
        }
        if (c.getNoNewPrivs() != 0) {
            batch.add("set no_new_privs", Syscall.PRCTL, PR_SET_NO_NEW_PRIVS, 1);
        }
    }

    private static void restoreAmbient(creds_entry c, Status ours, RemoteBatch batch) {
        long ambient = set(c.getCapAmbList());
        if ((ours.capAmb() & ~ambient) != 0) {
            batch.add(
                    "clear the ambient set",
                    Syscall.PRCTL,
                    PR_CAP_AMBIENT,
                    PR_CAP_AMBIENT_CLEAR_ALL);
        }
        for (int cap = 0; cap < 64; cap++) {
            if ((ambient & 1L << cap) != 0) {
                batch.add(
                        "raise ambient capability " + cap,
                        Syscall.PRCTL,
                        PR_CAP_AMBIENT,
                        PR_CAP_AMBIENT_RAISE,
                        cap);
            }
        }
    }

    private static boolean same(int[] ours, int... wanted) {
        return java.util.Arrays.equals(ours, wanted);
    }

    private static long u(int id) {
        return id & 0xffffffffL;
    }

    /** {@code effective} -1: all that is permitted. */
    private static void capset(
            RemoteBatch batch, String what, long permitted, long effective, long inheritable) {
        long effect = effective == -1 ? permitted : effective;
        long header = batch.data(8);
        batch.putInt(header, CAPABILITY_VERSION_3);
        long data = batch.data(24);
        for (int word = 0; word < 2; word++) {
            batch.putInt(data + 12L * word, (int) (effect >>> 32 * word));
            batch.putInt(data + 12L * word + 4, (int) (permitted >>> 32 * word));
            batch.putInt(data + 12L * word + 8, (int) (inheritable >>> 32 * word));
        }
        batch.add(what, Syscall.CAPSET, header, data);
    }
}
