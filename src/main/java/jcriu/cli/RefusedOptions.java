package jcriu.cli;

import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Options that are known and refused: doing without them could do harm or mislead. */
final class RefusedOptions {
    @Option(names = "--lazy-pages", negatable = true, description = "fetch pages on demand")
    boolean lazyPages;

    @Option(names = "--page-server", negatable = true, description = "send pages to a page server")
    boolean pageServer;

    @Option(names = "--tls", negatable = true, description = "encrypt the connection")
    boolean tls;

    @Option(names = "--tls-cacert", paramLabel = "FILE", description = "authority certificate")
    String tlsCacert;

    @Option(names = "--tls-cacrl", paramLabel = "FILE", description = "revoked certificates")
    String tlsCacrl;

    @Option(names = "--tls-cert", paramLabel = "FILE", description = "own certificate")
    String tlsCert;

    @Option(names = "--tls-key", paramLabel = "FILE", description = "own key")
    String tlsKey;

    @Option(
            names = "--tls-no-cn-verify",
            negatable = true,
            description = "do not check the host name")
    boolean tlsNoCnVerify;

    @Option(names = "--stream", negatable = true, description = "images through a streamer")
    boolean stream;

    @Option(names = "--compress", negatable = true, description = "compress pages")
    boolean compress;

    @Option(names = "--file-validation", paramLabel = "HOW", description = "filesize or buildid")
    String fileValidation;

    @Option(
            names = {"-r", "--root"},
            paramLabel = "PATH",
            description = "root directory of the tree")
    String root;

    @Option(
            names = "--empty-ns",
            paramLabel = "NS",
            description = "create this namespace without content")
    String emptyNs;

    @Option(
            names = {"-J", "--join-ns"},
            paramLabel = "NS:PID|FILE",
            description = "join this namespace; may be repeated")
    List<String> joinNs = new ArrayList<>();

    @Option(
            names = "--ext-mount-map",
            paramLabel = "KEY:VALUE",
            description = "external mounts, the older way")
    String extMountMap;

    @Option(
            names = "--skip-mnt",
            paramLabel = "PATH",
            description = "leave out this mount; may be repeated")
    List<String> skipMnt = new ArrayList<>();

    @Option(
            names = "--veth-pair",
            paramLabel = "IN=OUT",
            description = "names of a pair of network devices")
    String vethPair;

    @Option(
            names = "--lsm-profile",
            paramLabel = "TYPE:NAME",
            description = "security profile to restore under")
    String lsmProfile;

    @Option(
            names = "--lsm-mount-context",
            paramLabel = "CTX",
            description = "SELinux context of mounts")
    String lsmMountContext;

    @Option(
            names = "--cpu-cap",
            paramLabel = "LIST",
            arity = "0..1",
            fallbackValue = "",
            description = "which CPU features must be the same")
    String cpuCap;
}
