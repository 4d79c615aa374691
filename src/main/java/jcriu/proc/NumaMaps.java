package jcriu.proc;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;

/**
 * {@code /proc/PID/numa_maps}: which NUMA policy each mapping has. One that has none of its own
 * shows that of the first thread.
 *
 * <pre>
 * 7fca8827c000 bind=static:0-1,4 anon=1 dirty=1 N0=1 kernelpagesize_kB=4
 * 7fca8827e000 weighted interleave:0 file=/memfd:x mapped=1 N0=1 kernelpagesize_kB=4
 * 7fca88468000 local anon=1 N0=1 kernelpagesize_kB=4
 * </pre>
 *
 * <p>The kernel walks all page tables for a read: it takes as long as there are pages.
 *
 * <p>Source: numa(7), Documentation/admin-guide/mm/numa_memory_policy.rst.
 */
public final class NumaMaps {
    /**
     * A policy.
     *
     * @param mode as set_mempolicy(2) takes it, with its flags
     * @param nodes of no node where the mode has none
     */
    public record Policy(int mode, BitSet nodes) {
        public static final Policy DEFAULT = new Policy(0, new BitSet());
    }

    /** By number; what begins with another comes first. */
    private static final String[] MODES = {
        "default", "prefer", "bind", "interleave", "local", "prefer (many)", "weighted interleave"
    };

    private static final Map<String, Integer> FLAGS =
            Map.of("static", 1 << 15, "relative", 1 << 14, "balancing", 1 << 13);

    private NumaMaps() {}

    /** Policies by the first address of a mapping; empty on a kernel without NUMA. */
    public static Map<Long, Policy> read(int pid) {
        String path = "/proc/" + pid + "/numa_maps";
        if (!Known.EXISTS) {
            return Map.of();
        }
        return parse(new String(ProcFs.read(path), StandardCharsets.ISO_8859_1));
    }

    /** Looked for once. */
    private static final class Known {
        static final boolean EXISTS =
                java.nio.file.Files.exists(java.nio.file.Path.of("/proc/self/numa_maps"));
    }

    static Map<Long, Policy> parse(String text) {
        Map<Long, Policy> policies = new HashMap<>();
        for (String line : text.split("\n")) {
            int blank = line.indexOf(' ');
            if (blank > 0) {
                long start = Long.parseUnsignedLong(line.substring(0, blank), 16);
                policies.put(start, policy(line.substring(blank + 1)));
            }
        }
        return policies;
    }

    /** A policy that this does not know is taken for the default. */
    private static Policy policy(String rest) {
        int mode = -1;
        for (int i = 0; i < MODES.length; i++) {
            boolean longer = mode < 0 || MODES[i].length() > MODES[mode].length();
            if (rest.startsWith(MODES[i]) && longer) {
                mode = i;
            }
        }
        if (mode <= 0) {
            return Policy.DEFAULT;
        }
        String more = rest.substring(MODES[mode].length()).split(" ", 2)[0];
        String[] parts = more.split(":", 2);
        int flags = 0;
        for (String flag : parts[0].replace("=", "").split("\\|")) {
            flags |= FLAGS.getOrDefault(flag, 0);
        }
        return new Policy(mode | flags, parts.length > 1 ? nodes(parts[1]) : new BitSet());
    }

    private static BitSet nodes(String list) {
        BitSet nodes = new BitSet();
        for (String range : list.split(",")) {
            String[] ends = range.split("-", 2);
            int first = Integer.parseInt(ends[0]);
            nodes.set(first, Integer.parseInt(ends[ends.length - 1]) + 1);
        }
        return nodes;
    }
}
