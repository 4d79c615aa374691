package jcriu.cli;

import java.util.ArrayList;
import java.util.List;
import jcriu.cli.GetoptArguments.Occurrence;
import jcriu.cli.OptionTable.Row;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * What the command line asks for, word by word; {@link Requests} makes typed options of it.
 *
 * <p>This is a picocli model: picocli writes the help from it, and could fill it from {@link
 * GetoptArguments#canonical}. {@link #fill} does the same without loading picocli, which would cost
 * more than the start of the virtual machine; a test compares the two.
 */
@Command(name = "jcriu", sortOptions = false)
final class Arguments {
    @Parameters(index = "0", arity = "0..1", paramLabel = "ACTION", description = "what to do")
    String action;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "WORD", description = "its arguments")
    List<String> words = new ArrayList<>();

    @Option(
            names = {"-t", "--tree"},
            paramLabel = "PID",
            description = "root task of the tree to dump")
    int tree;

    @Option(
            names = {"-D", "--images-dir"},
            paramLabel = "DIR",
            description = "where images are; must exist (default: the current directory)")
    String imagesDir = ".";

    @Option(
            names = {"-W", "--work-dir"},
            paramLabel = "DIR",
            description = "logs, pid files, statistics (default: the images directory)")
    String workDir;

    @Option(
            names = {"-o", "--log-file"},
            paramLabel = "FILE",
            description = "log file, relative to the work directory (default: standard error)")
    String logFile;

    @Option(
            names = {"-v", "--verbosity"},
            paramLabel = "N",
            arity = "0..1",
            fallbackValue = "1",
            description =
                    "0 to 4; or -v, -vv, ...: 0 and 1 errors, 2 and warnings (default), 3 and information with times, 4 everything")
    int verbosity = -1;

    @Option(
            names = "--pidfile",
            paramLabel = "FILE",
            description = "write the pid of the restored root task here; must not exist")
    String pidfile;

    @Option(
            names = "--status-fd",
            paramLabel = "N",
            description = "write one byte 0 to this descriptor when ready, then close it")
    int statusFd = -1;

    @Option(
            names = "--display-stats",
            negatable = true,
            description = "print the statistics when done")
    boolean displayStats;

    @Option(
            names = "--timeout",
            paramLabel = "SEC",
            description = "give up collecting and freezing after this long; 0: never")
    int timeout = 10;

    @Option(
            names = {"-d", "--restore-detached"},
            negatable = true,
            description = "return when the tree runs")
    boolean restoreDetached;

    @Option(
            names = {"-S", "--restore-sibling"},
            negatable = true,
            description = "make the root task a child of the caller")
    boolean restoreSibling;

    @Option(
            names = {"-s", "--leave-stopped"},
            negatable = true,
            description = "leave every task stopped afterwards")
    boolean leaveStopped;

    @Option(
            names = {"-R", "--leave-running"},
            negatable = true,
            description = "let the tree run on after the dump")
    boolean leaveRunning;

    @Option(
            names = "--exec-cmd",
            negatable = true,
            description = "after a successful restore become the command after --")
    boolean execCmd;

    @Option(
            names = "--action-script",
            paramLabel = "FILE",
            description = "call this at every step; may be repeated")
    List<String> actionScript = new ArrayList<>();

    @Option(
            names = "--link-remap",
            negatable = true,
            description = "give unlinked files another name where they have one")
    boolean linkRemap;

    @Option(
            names = "--ghost-limit",
            paramLabel = "SIZE",
            description = "largest unlinked file to save; suffixes K M G")
    String ghostLimit = "1M";

    @Option(
            names = {"-l", "--file-locks"},
            negatable = true,
            description = "save and restore file locks")
    boolean fileLocks;

    @Option(
            names = "--skip-file-rwx-check",
            negatable = true,
            description = "accept files whose mode has changed")
    boolean skipFileRwxCheck;

    @Option(
            names = "--external",
            paramLabel = "RES",
            description = "a resource from outside the tree; may be repeated")
    List<String> external = new ArrayList<>();

    @Option(
            names = "--inherit-fd",
            paramLabel = "fd[N]:RES",
            description = "descriptor N of the caller stands for RES; may be repeated")
    List<String> inheritFd = new ArrayList<>();

    @Option(
            names = {"-j", "--shell-job"},
            negatable = true,
            description = "allow a session and terminal that began outside the tree")
    boolean shellJob;

    @Option(
            names = "--unprivileged",
            negatable = true,
            description = "be content with CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE")
    boolean unprivileged;

    @Option(
            names = "--sync",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "force images to the disk before they are complete (default)")
    boolean sync = true;

    @Option(
            names = "--track-mem",
            negatable = true,
            description = "this dump will be the parent of another")
    boolean trackMem;

    @Option(
            names = "--prev-images-dir",
            paramLabel = "DIR",
            description =
                    "leave pages that have not changed to these images; relative to the images"
                            + " directory")
    String prevImagesDir;

    @Option(
            names = "--pre-dump-mode",
            paramLabel = "MODE",
            description = "splice or read, for pre-dump; both do the same")
    String preDumpMode;

    @Option(
            names = "--tracker",
            paramLabel = "KIND",
            description =
                    "how changed pages are found: auto, digest, soft-dirty or uffd-wp (default: auto,"
                            + " which is digest)")
    String tracker = "auto";

    @Option(
            names = "--verify",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "check the pages that are read against their digests (default)")
    boolean verify = true;

    @Option(names = "--json", negatable = true, description = "list: for programs to read")
    boolean json;

    @Option(
            names = "--auto-dedup",
            negatable = true,
            description =
                    "drop replaced pages from older images; restore: restored ones from these")
    boolean autoDedup;

    @Option(
            names = "--dry-run",
            negatable = true,
            description = "dedup: say what would be done, and do nothing")
    boolean dryRun;

    @Option(
            names = "--link",
            negatable = true,
            description = "dedup: make one chain of the full dumps in DIR1 DIR2 ..., oldest first")
    boolean link;

    @Option(names = "--config", paramLabel = "FILE", description = "one more configuration file")
    String config;

    @Option(
            names = "--default-config",
            negatable = true,
            defaultValue = "true",
            fallbackValue = "true",
            description = "read the default configuration files (default)")
    boolean defaultConfig = true;

    @Option(
            names = "--feature",
            paramLabel = "NAME",
            description = "check: is this feature there? may be repeated")
    List<String> feature = new ArrayList<>();

    @Option(names = "--extra", negatable = true, description = "check: optional features too")
    boolean extra;

    @Option(
            names = "--experimental",
            negatable = true,
            description = "check: experimental features too")
    boolean experimental;

    @Option(names = "--all", negatable = true, description = "check: everything")
    boolean all;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "print this text")
    boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "print the version")
    boolean version;

    @Mixin OptionsWithoutEffect withoutEffect = new OptionsWithoutEffect();

    @Mixin RefusedOptions refused = new RefusedOptions();

    /** Takes over what was read; the options one by one, so that the last of a kind wins. */
    void fill(GetoptArguments read) {
        List<Occurrence> occurrences = read.occurrences();
        for (int i = 0; i < occurrences.size(); i++) {
            Occurrence occurrence = occurrences.get(i);
            if (occurrence.row().stance() == OptionTable.Stance.BUILT) {
                set(occurrence.row(), occurrence.value(), occurrence.on());
            }
        }
        verbosity = read.verbosity();
        List<String> positionals = read.positionals();
        if (!positionals.isEmpty()) {
            action = positionals.get(0);
            words = positionals.subList(1, positionals.size());
        }
    }

    private void set(Row option, String value, boolean on) {
        switch (option.name()) {
            case "tree" -> tree = number(option, value);

            case "images-dir" -> imagesDir = value;

            case "work-dir" -> workDir = value;

            case "log-file" -> logFile = value;

            case "verbosity" -> {}

            case "pidfile" -> pidfile = value;

            case "status-fd" -> statusFd = number(option, value);

            case "display-stats" -> displayStats = on;

            case "timeout" -> timeout = number(option, value);

            case "restore-detached" -> restoreDetached = on;

            case "restore-sibling" -> restoreSibling = on;

            case "leave-stopped" -> leaveStopped = on;

            case "leave-running" -> leaveRunning = on;

            case "exec-cmd" -> execCmd = on;

            case "action-script" -> actionScript.add(value);

            case "link-remap" -> linkRemap = on;

            case "ghost-limit" -> ghostLimit = value;

            case "file-locks" -> fileLocks = on;
            case "skip-file-rwx-check" -> skipFileRwxCheck = on;

            case "external" -> external.add(value);

            case "inherit-fd" -> inheritFd.add(value);

            case "shell-job" -> shellJob = on;

            case "unprivileged" -> unprivileged = on;

            case "sync" -> sync = on;

            case "track-mem" -> trackMem = on;

            case "prev-images-dir" -> prevImagesDir = value;

            case "pre-dump-mode" -> preDumpMode = value;

            case "tracker" -> tracker = value;

            case "verify" -> verify = on;

            case "json" -> json = on;

            case "auto-dedup" -> autoDedup = on;

            case "dry-run" -> dryRun = on;

            case "link" -> link = on;

            case "config" -> config = value;

            case "default-config" -> defaultConfig = on;

            case "feature" -> feature.add(value);

            case "extra" -> extra = on;

            case "experimental" -> experimental = on;

            case "all" -> all = on;

            case "help" -> help = on;

            case "version" -> version = on;

            default -> throw new IllegalStateException("no field for --" + option.name());
        }
    }

    private static int number(Row option, String value) {
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new UsageException("option --" + option.name() + ": not a number: " + value);
        }
    }
}
