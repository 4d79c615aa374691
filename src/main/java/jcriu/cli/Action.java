package jcriu.cli;

import java.util.List;

/** The actions that the command line knows. */
final class Action {
    /** What works now. */
    static final List<String> BUILT =
            List.of("dump", "pre-dump", "restore", "check", "verify", "list", "dedup");

    /** What is known by name only. */
    static final List<String> NOT_BUILT =
            List.of(
                    "page-server",
                    "lazy-pages",
                    "service",
                    "swrk",
                    "cpuinfo",
                    "show",
                    "diff",
                    "report",
                    "prune",
                    "squash",
                    "watch",
                    "decode",
                    "encode");

    private Action() {}
}
