package jcriu.cli;

import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcriu.dump.DumpOptions;
import jcriu.errors.EnvironmentException;
import jcriu.errors.JcriuException;
import jcriu.errors.UnsupportedStateException;
import jcriu.resource.External;
import jcriu.restore.RestoreOptions;

/** Makes a checked request of the words on the command line. */
final class Requests {
    private Requests() {}

    static Path imagesDir(Arguments arguments) {
        return Path.of(arguments.imagesDir);
    }

    static Path workDir(Arguments arguments) {
        return Path.of(arguments.workDir != null ? arguments.workDir : arguments.imagesDir);
    }

    static DumpOptions preDump(Arguments arguments) {
        if (arguments.leaveStopped) {
            throw new UsageException("option --leave-stopped: pre-dump stops nobody");
        }
        arguments.leaveRunning = true;
        return dump(arguments);
    }

    static DumpOptions dump(Arguments arguments) {
        refuseWords(arguments);
        checkTracker(arguments);
        if (arguments.tree == 0) {
            throw new UsageException(arguments.action + " needs the pid of the root task: -t PID");
        }
        if (arguments.tree < 0) {
            throw new UsageException("option --tree: not a pid: " + arguments.tree);
        }
        checkExternal(() -> External.ofDump(arguments.external));
        Path imagesDir = imagesDir(arguments);
        requireDirectory("images directory", "-D", imagesDir, true);
        Path workDir = workDir(arguments);
        requireDirectory("work directory", "-W", workDir, true);
        DumpOptions.Builder options = DumpOptions.of(arguments.tree, imagesDir);
        if (arguments.prevImagesDir != null) {
            options.prevImagesDir(Path.of(arguments.prevImagesDir));
        }
        return options.trackMem(arguments.trackMem)
                .tracker(arguments.tracker)
                .workDir(workDir)
                .leaveRunning(arguments.leaveRunning)
                .leaveStopped(arguments.leaveStopped)
                .shellJob(arguments.shellJob)
                .fileLocks(arguments.fileLocks)
                .linkRemap(arguments.linkRemap || arguments.link) // CRIU takes --link for it
                .ghostLimitBytes(sizeBytes("--ghost-limit", arguments.ghostLimit))
                .timeoutSeconds(timeout(arguments))
                .autoDedup(arguments.autoDedup)
                .sync(arguments.sync)
                .displayStats(arguments.displayStats)
                .unprivileged(arguments.unprivileged)
                .external(arguments.external)
                .actionScripts(paths(arguments.actionScript))
                .build();
    }

    private static void checkTracker(Arguments arguments) {
        switch (arguments.tracker) {
            case "auto", "digest", "soft-dirty", "uffd-wp" -> {}
            default ->
                    throw new UsageException(
                            "option --tracker: not auto, soft-dirty, uffd-wp or digest: "
                                    + arguments.tracker);
        }
        String mode = arguments.preDumpMode;
        if (mode != null && !mode.equals("splice") && !mode.equals("read")) {
            throw new UsageException("option --pre-dump-mode: not splice or read: " + mode);
        }
    }

    static RestoreOptions restore(Arguments arguments) {
        if (arguments.execCmd && arguments.words.isEmpty()) {
            throw new UsageException("option --exec-cmd needs a command after --");
        }
        if (!arguments.execCmd) {
            refuseWords(arguments);
        }
        checkExternal(() -> External.ofRestore(arguments.external));
        Path imagesDir = imagesDir(arguments);
        requireDirectory("images directory", "-D", imagesDir, false);
        Path workDir = workDir(arguments);
        requireDirectory("work directory", "-W", workDir, false);
        RestoreOptions.Builder options =
                RestoreOptions.of(imagesDir)
                        .workDir(workDir)
                        .restoreDetached(arguments.restoreDetached)
                        .restoreSibling(arguments.restoreSibling)
                        .leaveStopped(arguments.leaveStopped)
                        .shellJob(arguments.shellJob)
                        .fileLocks(arguments.fileLocks)
                        .skipFileRwxCheck(arguments.skipFileRwxCheck)
                        .timeoutSeconds(timeout(arguments))
                        .displayStats(arguments.displayStats)
                        .unprivileged(arguments.unprivileged)
                        .verify(arguments.verify)
                        .autoDedup(arguments.autoDedup)
                        .external(arguments.external)
                        .actionScripts(paths(arguments.actionScript))
                        .execCommand(arguments.execCmd ? arguments.words : List.of());
        if (arguments.pidfile != null) {
            options.pidFile(freshPidFile(workDir.resolve(arguments.pidfile)));
        }
        if (arguments.statusFd >= 0) {
            options.statusFd(arguments.statusFd);
        }
        for (String inherited : arguments.inheritFd) {
            addInherited(options, inherited);
        }
        return options.build();
    }

    static void refuseWords(Arguments arguments) {
        if (!arguments.words.isEmpty()) {
            throw new UsageException(
                    arguments.action + " takes no argument: " + arguments.words.get(0));
        }
    }

    static void requireDirectory(String what, String option, Path dir, boolean writable) {
        if (!Files.exists(dir)) {
            throw unusable(
                    what + " " + dir + " does not exist",
                    "create it, or name another with " + option);
        }
        if (!Files.isDirectory(dir)) {
            throw unusable(what + " " + dir + " is not a directory", "name another with " + option);
        }
        if (writable && !Files.isWritable(dir)) {
            throw unusable(
                    what + " " + dir + " is not writable",
                    "change its mode, mount it writable, or name another with " + option);
        }
    }

    private static JcriuException unusable(String what, String next) {
        return new EnvironmentException(what).withTargetState("untouched").withHint(next);
    }

    private static Path freshPidFile(Path file) {
        if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            throw new EnvironmentException("pid file " + file + " exists already")
                    .withHint("remove it, or name another with --pidfile");
        }
        return file;
    }

    private static int timeout(Arguments arguments) {
        if (arguments.timeout < 0) {
            throw new UsageException("option --timeout: less than 0: " + arguments.timeout);
        }
        return arguments.timeout;
    }

    /** A number of bytes with the suffix K, M, G or none. */
    static long sizeBytes(String option, String text) {
        int end = text.length();
        int shift = 0;
        if (end > 0) {
            switch (Character.toUpperCase(text.charAt(end - 1))) {
                case 'K' -> shift = 10;
                case 'M' -> shift = 20;
                case 'G' -> shift = 30;
                default -> {}
            }
        }
        try {
            long number = Long.parseLong(text.substring(0, shift == 0 ? end : end - 1));
            if (number >= 0 && number <= Long.MAX_VALUE >> shift) {
                return number << shift;
            }
        } catch (NumberFormatException e) {
            // Falls through to the same message as a number out of range.
        }
        throw new UsageException("option " + option + ": not a size: " + text);
    }

    /** {@code fd[N]:RES}. */
    private static void addInherited(RestoreOptions.Builder options, String text) {
        int close = text.indexOf("]:");
        if (text.startsWith("fd[") && close > 3 && close + 2 < text.length()) {
            try {
                int fd = Integer.parseInt(text.substring(3, close));
                if (fd >= 0) {
                    options.inheritFd(fd, text.substring(close + 2));
                    return;
                }
            } catch (NumberFormatException e) {
                // Falls through to the same message as any other wrong form.
            }
        }
        throw new UsageException("option --inherit-fd: not of the form fd[N]:RES: " + text);
    }

    private static void checkExternal(Runnable parse) {
        try {
            parse.run();
        } catch (IllegalArgumentException e) {
            throw new UnsupportedStateException(
                            "option --external " + e.getMessage() + " is not supported")
                    .withTargetState("untouched")
                    .withHint("see docs/limits.md#external-resources");
        }
    }

    private static List<Path> paths(List<String> names) {
        List<Path> paths = new ArrayList<>(names.size());
        for (String name : names) {
            paths.add(Path.of(name));
        }
        return paths;
    }
}
