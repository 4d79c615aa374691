package jcriu.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Options that are accepted, noted in the log, and change nothing; docs/limits.md says why not. */
final class OptionsWithoutEffect {

    @Option(names = "--log-pid", negatable = true, description = "one log per task")
    boolean logPid;

    @Option(names = "--address", paramLabel = "A", description = "for a page server")
    String address;

    @Option(names = "--port", paramLabel = "P", description = "for a page server")
    String port;

    @Option(names = "--ps-socket", paramLabel = "FD", description = "for a page server")
    String psSocket;

    @Option(
            names = "--ghost-fiemap",
            negatable = true,
            description = "find holes in unlinked files another way")
    boolean ghostFiemap;

    @Option(names = "--evasive-devices", negatable = true, description = "use any path to a device")
    boolean evasiveDevices;

    @Option(
            names = "--force-irmap",
            negatable = true,
            description = "search names of watched files")
    boolean forceIrmap;

    @Option(
            names = "--irmap-scan-path",
            paramLabel = "PATH",
            description = "search them here; may be repeated")
    List<String> irmapScanPath = new ArrayList<>();

    @Option(
            names = "--ext-unix-sk",
            paramLabel = "INO",
            arity = "0..1",
            fallbackValue = "",
            description = "allow unix sockets that lead outside the tree")
    String extUnixSk;

    @Option(
            names = "--tcp-established",
            negatable = true,
            description = "allow established TCP connections")
    boolean tcpEstablished;

    @Option(
            names = "--tcp-close",
            negatable = true,
            description = "restore TCP connections as closed")
    boolean tcpClose;

    @Option(
            names = "--skip-in-flight",
            negatable = true,
            description = "drop TCP connections that are not accepted yet")
    boolean skipInFlight;

    @Option(
            names = "--network-lock",
            paramLabel = "METHOD",
            description = "iptables, nftables or skip")
    String networkLock;

    @Option(
            names = "--enable-external-sharing",
            negatable = true,
            description = "allow mounts shared with the outside")
    boolean enableExternalSharing;

    @Option(
            names = "--enable-external-masters",
            negatable = true,
            description = "allow mounts that follow the outside")
    boolean enableExternalMasters;

    @Option(names = "--enable-fs", paramLabel = "LIST", description = "allow these file systems")
    String enableFs;

    @Option(
            names = "--mntns-compat-mode",
            negatable = true,
            description = "restore mounts the older way")
    boolean mntnsCompatMode;

    @Option(
            names = "--weak-sysctls",
            negatable = true,
            description = "accept sysctls that cannot be restored")
    boolean weakSysctls;

    @Option(
            names = "--manage-cgroups",
            paramLabel = "MODE",
            arity = "0..1",
            fallbackValue = "",
            description = "none, props, soft, full, strict or ignore")
    String manageCgroups;

    @Option(
            names = "--cgroup-root",
            paramLabel = "[CTL:]PATH",
            description = "restore cgroups below this; may be repeated")
    List<String> cgroupRoot = new ArrayList<>();

    @Option(
            names = "--cgroup-props",
            paramLabel = "TEXT",
            description = "cgroup properties to save")
    String cgroupProps;

    @Option(
            names = "--cgroup-props-file",
            paramLabel = "FILE",
            description = "cgroup properties to save")
    String cgroupPropsFile;

    @Option(
            names = "--cgroup-dump-controller",
            paramLabel = "NAME",
            description = "save only this controller; may be repeated")
    List<String> cgroupDumpController = new ArrayList<>();

    @Option(names = "--cgroup-yard", paramLabel = "PATH", description = "where cgroups are mounted")
    String cgroupYard;

    @Option(names = "--freeze-cgroup", paramLabel = "PATH", description = "freeze by this cgroup")
    String freezeCgroup;

    @Option(names = "--allow-uprobes", negatable = true, description = "allow uprobes in the tree")
    boolean allowUprobes;

    @Option(
            names = {"-L", "--libdir"},
            paramLabel = "DIR",
            description = "where plugins are")
    String libdir;
}
