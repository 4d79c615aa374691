package jcriu.cli;

import java.util.ArrayList;
import java.util.List;

/**
 * Every option by name, and how it is spelled.
 *
 * <p>The same options stand as annotations in {@link Arguments}, where picocli reads them; reading
 * them there costs 55 to 100 ms a call, reading them here nothing that can be measured. A test
 * holds the two together.
 */
final class OptionTable {
    /** What may follow an option. */
    enum Value {
        /** Nothing: on or off, with a {@code --no-} twin. */
        NONE,
        /** A value, in the same word or the next. */
        REQUIRED,
        /** A value in the same word, or nothing. */
        OPTIONAL
    }

    /** What comes of an option that is given. */
    enum Stance {
        BUILT,
        WITHOUT_EFFECT,
        REFUSED
    }

    /**
     * One option.
     *
     * @param name without dashes
     * @param letter for the short form, or 0
     * @param ours only jcriu has it, so an abbreviation that would mean a CRIU option still does
     */
    record Row(String name, char letter, Value value, Stance stance, boolean ours) {}

    private static final List<Row> ROWS = new ArrayList<>(128);

    static {
        built("tree", 't', Value.REQUIRED);
        built("images-dir", 'D', Value.REQUIRED);
        built("work-dir", 'W', Value.REQUIRED);
        built("log-file", 'o', Value.REQUIRED);
        built("verbosity", 'v', Value.OPTIONAL);
        built("pidfile", '\0', Value.REQUIRED);
        built("status-fd", '\0', Value.REQUIRED);
        built("display-stats", '\0', Value.NONE);
        built("timeout", '\0', Value.REQUIRED);
        built("restore-detached", 'd', Value.NONE);
        built("restore-sibling", 'S', Value.NONE);
        built("leave-stopped", 's', Value.NONE);
        built("leave-running", 'R', Value.NONE);
        built("exec-cmd", '\0', Value.NONE);
        built("action-script", '\0', Value.REQUIRED);
        built("link-remap", '\0', Value.NONE);
        built("ghost-limit", '\0', Value.REQUIRED);
        built("file-locks", 'l', Value.NONE);
        built("skip-file-rwx-check", '\0', Value.NONE);
        built("external", '\0', Value.REQUIRED);
        built("inherit-fd", '\0', Value.REQUIRED);
        built("shell-job", 'j', Value.NONE);
        built("unprivileged", '\0', Value.NONE);
        built("config", '\0', Value.REQUIRED);
        ours("default-config", Value.NONE, Stance.BUILT);
        built("feature", '\0', Value.REQUIRED);
        built("extra", '\0', Value.NONE);
        built("experimental", '\0', Value.NONE);
        built("all", '\0', Value.NONE);
        built("help", 'h', Value.NONE);
        built("version", 'V', Value.NONE);
        ours("sync", Value.NONE, Stance.BUILT);
        built("track-mem", '\0', Value.NONE);
        built("prev-images-dir", '\0', Value.REQUIRED);
        built("pre-dump-mode", '\0', Value.REQUIRED);
        ours("tracker", Value.REQUIRED, Stance.BUILT);
        ours("verify", Value.NONE, Stance.BUILT);
        ours("json", Value.NONE, Stance.BUILT);
        built("auto-dedup", '\0', Value.NONE);
        ours("dry-run", Value.NONE, Stance.BUILT);
        ours("link", Value.NONE, Stance.BUILT);

        withoutEffect("log-pid", '\0', Value.NONE);
        withoutEffect("address", '\0', Value.REQUIRED);
        withoutEffect("port", '\0', Value.REQUIRED);
        withoutEffect("ps-socket", '\0', Value.REQUIRED);
        withoutEffect("ghost-fiemap", '\0', Value.NONE);
        withoutEffect("evasive-devices", '\0', Value.NONE);
        withoutEffect("force-irmap", '\0', Value.NONE);
        withoutEffect("irmap-scan-path", '\0', Value.REQUIRED);
        withoutEffect("ext-unix-sk", '\0', Value.OPTIONAL);
        withoutEffect("tcp-established", '\0', Value.NONE);
        withoutEffect("tcp-close", '\0', Value.NONE);
        withoutEffect("skip-in-flight", '\0', Value.NONE);
        withoutEffect("network-lock", '\0', Value.REQUIRED);
        withoutEffect("enable-external-sharing", '\0', Value.NONE);
        withoutEffect("enable-external-masters", '\0', Value.NONE);
        withoutEffect("enable-fs", '\0', Value.REQUIRED);
        withoutEffect("mntns-compat-mode", '\0', Value.NONE);
        withoutEffect("weak-sysctls", '\0', Value.NONE);
        withoutEffect("manage-cgroups", '\0', Value.OPTIONAL);
        withoutEffect("cgroup-root", '\0', Value.REQUIRED);
        withoutEffect("cgroup-props", '\0', Value.REQUIRED);
        withoutEffect("cgroup-props-file", '\0', Value.REQUIRED);
        withoutEffect("cgroup-dump-controller", '\0', Value.REQUIRED);
        withoutEffect("cgroup-yard", '\0', Value.REQUIRED);
        withoutEffect("freeze-cgroup", '\0', Value.REQUIRED);
        withoutEffect("allow-uprobes", '\0', Value.NONE);
        withoutEffect("libdir", 'L', Value.REQUIRED);

        refused("lazy-pages", '\0', Value.NONE);
        refused("page-server", '\0', Value.NONE);
        refused("tls", '\0', Value.NONE);
        refused("tls-cacert", '\0', Value.REQUIRED);
        refused("tls-cacrl", '\0', Value.REQUIRED);
        refused("tls-cert", '\0', Value.REQUIRED);
        refused("tls-key", '\0', Value.REQUIRED);
        refused("tls-no-cn-verify", '\0', Value.NONE);
        refused("stream", '\0', Value.NONE);
        ours("compress", Value.NONE, Stance.REFUSED);
        refused("file-validation", '\0', Value.REQUIRED);
        refused("root", 'r', Value.REQUIRED);
        refused("empty-ns", '\0', Value.REQUIRED);
        refused("join-ns", 'J', Value.REQUIRED);
        refused("ext-mount-map", '\0', Value.REQUIRED);
        refused("skip-mnt", '\0', Value.REQUIRED);
        refused("veth-pair", '\0', Value.REQUIRED);
        refused("lsm-profile", '\0', Value.REQUIRED);
        refused("lsm-mount-context", '\0', Value.REQUIRED);
        refused("cpu-cap", '\0', Value.OPTIONAL);
    }

    private OptionTable() {}

    private static void built(String name, char letter, Value value) {
        ROWS.add(new Row(name, letter, value, Stance.BUILT, false));
    }

    private static void withoutEffect(String name, char letter, Value value) {
        ROWS.add(new Row(name, letter, value, Stance.WITHOUT_EFFECT, false));
    }

    private static void refused(String name, char letter, Value value) {
        ROWS.add(new Row(name, letter, value, Stance.REFUSED, false));
    }

    private static void ours(String name, Value value, Stance stance) {
        ROWS.add(new Row(name, '\0', value, stance, true));
    }

    static List<Row> rows() {
        return ROWS;
    }

    /** The row of this exact name, or null. */
    static Row named(String name) {
        for (int i = 0; i < ROWS.size(); i++) {
            if (ROWS.get(i).name().equals(name)) {
                return ROWS.get(i);
            }
        }
        return null;
    }

    /** The row of this letter, or null. */
    static Row lettered(char letter) {
        for (int i = 0; i < ROWS.size(); i++) {
            if (ROWS.get(i).letter() == letter) {
                return ROWS.get(i);
            }
        }
        return null;
    }
}
