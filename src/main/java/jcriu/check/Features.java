package jcriu.check;

import static jcriu.kernel.FeatureConstants.*;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.SyscallException;
import jcriu.memory.DigestTracker;
import jcriu.memory.SoftDirtyTracker;
import jcriu.memory.Trackers;
import jcriu.memory.UffdTracker;

/** The names that {@code check --feature} knows, and how each is probed. */
public final class Features {
    private static final String SOCKETS = "jcriu does not save sockets of this kind yet";
    private static final String NETWORKS = "jcriu does not save network namespaces yet";
    private static final String LOCKS = "jcriu does not lock networks yet";

    /** Before the names of trackers, which are ours. */
    static final String TRACKER = "tracker_";

    private static final Map<String, Supplier<Verdict>> PROBES = probes();

    private Features() {}

    private static Map<String, Supplier<Verdict>> probes() {
        Map<String, Supplier<Verdict>> p = new LinkedHashMap<>();
        p.put("mnt_id", OwnProbes::mountIds);
        p.put("mem_dirty_track", () -> Verdict.of(true, ""));
        p.put("aio_remap", SeedProbes::moveAioRing);
        p.put("timerfd", OwnProbes::timerfd);
        p.put("tun", () -> OwnProbes.tun(false));
        p.put("tun_ns", () -> OwnProbes.tun(true));
        p.put("userns", () -> SeedProbes.unshare(CLONE_NEWUSER, "CLONE_NEWUSER"));
        p.put("fdinfo_lock", OwnProbes::locksInFdinfo);
        p.put("seccomp_suspend", SeedProbes::suspendFilters);
        p.put("seccomp_filters", SeedProbes::readFilters);
        p.put("loginuid", SeedProbes::loginuid);
        p.put("cgroupns", () -> SeedProbes.unshare(CLONE_NEWCGROUP, "CLONE_NEWCGROUP"));
        p.put("autofs", unused("jcriu does not save mounts of autofs"));
        p.put("tcp_half_closed", unused(SOCKETS));
        p.put("compat_cr", unused("jcriu does not save 32-bit tasks"));
        p.put("uffd", () -> OwnProbes.userfaultfd(0));
        p.put("uffd-noncoop", OwnProbes::userfaultfdEvents);
        p.put("can_map_vdso", SeedProbes::mapVdso);
        p.put("sk_ns", OwnProbes::socketNamespace);
        p.put("sk_unix_file", OwnProbes::socketFile);
        p.put("net_diag_raw", unused(SOCKETS));
        p.put("nsid", unused(NETWORKS));
        p.put("link_nsid", unused(NETWORKS));
        p.put("kcmp_epoll", OwnProbes::compareEpoll);
        p.put("timens", () -> SeedProbes.unshare(CLONE_NEWTIME, "CLONE_NEWTIME"));
        p.put("external_net_ns", unused(NETWORKS));
        p.put("clone3_set_tid", SeedProbes::pidOfOurChoice);
        p.put("newifindex", unused(NETWORKS));
        p.put("nftables", unused(LOCKS));
        p.put("has_ipt_legacy", unused(LOCKS));
        p.put("pidfd_store", OwnProbes::takeDescriptor);
        p.put("ns_pid", OwnProbes::pidsInStatus);
        p.put("apparmor_stacking", unused("jcriu does not restore security labels"));
        p.put("network_lock_nftables", unused(LOCKS));
        p.put("sockopt_buf_lock", OwnProbes::bufferLock);
        p.put("memfd_hugetlb", OwnProbes::hugeMemfd);
        p.put("move_mount_set_group", unused("jcriu does not restore mount namespaces yet"));
        p.put("openat2", OwnProbes::openat2);
        p.put("get_rseq_conf", SeedProbes::rseq);
        p.put("ipv6_freebind", unused(SOCKETS));
        p.put("pagemap_scan", () -> OwnProbes.pagemapScan(false));
        p.put("vma_flags", OwnProbes::flagsOfMappings);
        p.put("timer_cr_ids", SeedProbes::timerIds);
        p.put("overlayfs_maps", unused("it takes an overlay file system to find out"));
        p.put("breakpoints", unused("jcriu uses no breakpoints"));
        p.put("pagemap_scan_guard_pages", () -> OwnProbes.pagemapScan(true));
        p.put(TRACKER + DigestTracker.NAME, SeedProbes::remoteMemory);
        p.put(
                TRACKER + SoftDirtyTracker.NAME,
                () -> Verdict.of(SoftDirtyTracker.works(), Trackers.NO_SOFT_DIRTY));
        p.put(TRACKER + UffdTracker.NAME, () -> Verdict.of(UffdTracker.works(), Trackers.NO_UFFD));
        return p;
    }

    private static Supplier<Verdict> unused(String why) {
        return () -> Verdict.notProbed(why);
    }

    /** All names, in the order in which {@code check} prints them. */
    public static List<String> names() {
        return List.copyOf(PROBES.keySet());
    }

    /**
     * Probes a feature by using it.
     *
     * @param name one of {@link #names}
     */
    public static Verdict probe(String name) {
        return ask(PROBES.get(name));
    }

    /** A probe that fails where nobody expected it says so, and ends no other. */
    static Verdict ask(Supplier<Verdict> probe) {
        try {
            return probe.get();
        } catch (SyscallException e) {
            if (e.errno() == Errno.EINTR) {
                throw e;
            }
            return Verdict.missing(e.what());
        } catch (JcriuException e) {
            return Verdict.missing(e.what());
        }
    }
}
