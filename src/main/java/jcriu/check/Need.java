package jcriu.check;

import java.util.List;
import java.util.function.Supplier;
import jcriu.memory.DigestTracker;
import jcriu.memory.SoftDirtyTracker;
import jcriu.memory.UffdTracker;
import jcriu.proc.Capabilities;

/**
 * Something that jcriu uses.
 *
 * @param required whether nothing works without it
 * @param otherwise what to do where it is missing; for what is not required also what is lost
 */
public record Need(String name, boolean required, Supplier<Verdict> probe, String otherwise) {
    private static final String CONFIG = "use a kernel with CONFIG_CHECKPOINT_RESTORE";

    private static Need required(String name, Supplier<Verdict> probe, String otherwise) {
        return new Need(name, true, probe, otherwise);
    }

    private static Need useful(String name, String otherwise) {
        return new Need(name, false, () -> Features.probe(name), otherwise);
    }

    /** All, what matters most first. */
    public static List<Need> all() {
        return List.of(
                required(
                        "CAP_SYS_PTRACE",
                        () -> capability(Capabilities.CAP_SYS_PTRACE),
                        "run as root, or add the capability"),
                required(
                        "CAP_CHECKPOINT_RESTORE",
                        () ->
                                Capabilities.effective().has(Capabilities.CAP_SYS_ADMIN)
                                        ? Verdict.THERE
                                        : capability(Capabilities.CAP_CHECKPOINT_RESTORE),
                        "run as root, or add it or CAP_SYS_ADMIN"),
                required(
                        "ptrace",
                        SeedProbes::remoteCalls,
                        "allow ptrace: see /proc/sys/kernel/yama/ptrace_scope and the seccomp"
                                + " profile of the container"),
                required(
                        "process_vm_writev",
                        SeedProbes::remoteMemory,
                        "allow it in the seccomp profile of the container"),
                required(
                        "pidfd_getfd",
                        OwnProbes::takeDescriptor,
                        "use Linux 5.6, or allow it in the seccomp profile of the container"),
                required(
                        "clone3_set_tid",
                        SeedProbes::pidOfOurChoice,
                        "use Linux 5.5, and allow clone3 in the seccomp profile of the container"),
                required("map_files", OwnProbes::mapFiles, CONFIG),
                required("prctl_mm_map", SeedProbes::describeMemory, CONFIG),
                required("kcmp", OwnProbes::kcmp, CONFIG + " or CONFIG_KCMP"),
                required("get_rseq_conf", SeedProbes::rseq, "use Linux 5.13"),
                new Need(
                        "CAP_SYS_RESOURCE",
                        false,
                        () -> capability(Capabilities.CAP_SYS_RESOURCE),
                        "limits above our own cannot be given back; add the capability"),
                useful("seccomp_filters", "tasks with seccomp filters cannot be dumped"),
                useful("seccomp_suspend", "tasks with seccomp filters cannot be dumped"),
                useful("timerfd", "unread ticks of timerfds cannot be restored"),
                useful("kcmp_epoll", "moved descriptors of epoll cannot be found"),
                useful("pagemap_scan", "dumps of large tasks freeze longer; Linux 6.7 has it"),
                useful(
                        "vma_flags",
                        "dumps of large tasks freeze longer; Linux 6.1 with BTF has it, for"
                                + " CAP_BPF and CAP_PERFMON"),
                useful(
                        Features.TRACKER + DigestTracker.NAME,
                        "no dump can be incremental: allow process_vm_readv"),
                useful(
                        Features.TRACKER + SoftDirtyTracker.NAME,
                        "incremental dumps compare contents, or --tracker uffd-wp"),
                useful(
                        Features.TRACKER + UffdTracker.NAME,
                        "incremental dumps compare contents, or use soft-dirty bits"),
                useful("timer_cr_ids", "POSIX timers take longer; Linux 6.15 has it"));
    }

    private static Verdict capability(int capability) {
        return Verdict.of(
                Capabilities.effective().has(capability), "not among our effective capabilities");
    }

    /** Probes it. */
    public Verdict verdict() {
        return Features.ask(probe);
    }
}
