package jcriu.restore;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What a restore is asked to do; checked and in real types.
 *
 * @param imagesDir where the images are; exists
 * @param workDir logs, pid file and stats; exists
 * @param restoreDetached return when the tree runs, instead of waiting for its root task
 * @param restoreSibling the root task becomes a child of our caller
 * @param leaveStopped every task and thread is in state T afterwards
 * @param shellJob the tree may join our session and terminal
 * @param fileLocks file locks may be restored
 * @param skipFileRwxCheck files whose mode has changed are accepted
 * @param autoDedup punch pages out of the images once they are restored
 * @param timeoutSeconds for steps that wait for the tree; 0: none
 * @param verify check pages against their digests
 * @param displayStats print the statistics on standard output
 * @param unprivileged be content with CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE
 * @param pidFile gets the pid of the root task; did not exist when the options were checked
 * @param statusFd gets one byte 0 when the tree is about to resume, and is closed then
 * @param inheritFds our descriptors that stand for resources of the tree
 * @param external resources from outside the tree, e.g. {@code dev[disk]:/dev/sda1}
 * @param actionScripts called at each step, in this order
 * @param execCommand replaces us after a successful restore; empty: nothing does
 */
public record RestoreOptions(
        Path imagesDir,
        Path workDir,
        boolean restoreDetached,
        boolean restoreSibling,
        boolean leaveStopped,
        boolean shellJob,
        boolean fileLocks,
        boolean skipFileRwxCheck,
        boolean autoDedup,
        int timeoutSeconds,
        boolean verify,
        boolean displayStats,
        boolean unprivileged,
        Optional<Path> pidFile,
        OptionalInt statusFd,
        List<InheritFd> inheritFds,
        List<String> external,
        List<Path> actionScripts,
        List<String> execCommand) {

    public static final int DEFAULT_TIMEOUT_SECONDS = 10;

    public RestoreOptions {
        inheritFds = List.copyOf(inheritFds);
        external = List.copyOf(external);
        actionScripts = List.copyOf(actionScripts);
        execCommand = List.copyOf(execCommand);
    }

    /**
     * One of our descriptors that stands for a resource in the images.
     *
     * @param fd our descriptor
     * @param resource e.g. {@code pipe[4711]}, {@code file[1a:2b]}, a path
     */
    public record InheritFd(int fd, String resource) {}

    /** A restore from these images; the work directory is the same until it is set. */
    public static Builder of(Path imagesDir) {
        return new Builder(imagesDir);
    }

    /** Collects the options that differ from their defaults. */
    public static final class Builder {
        private final Path imagesDir;
        private Path workDir;
        private boolean restoreDetached;
        private boolean restoreSibling;
        private boolean leaveStopped;
        private boolean shellJob;
        private boolean fileLocks;
        private boolean skipFileRwxCheck;
        private boolean autoDedup;
        private int timeoutSeconds = DEFAULT_TIMEOUT_SECONDS;
        private boolean verify = true;
        private boolean displayStats;
        private boolean unprivileged;
        private Optional<Path> pidFile = Optional.empty();
        private OptionalInt statusFd = OptionalInt.empty();
        private final List<InheritFd> inheritFds = new ArrayList<>();
        private final List<String> external = new ArrayList<>();
        private final List<Path> actionScripts = new ArrayList<>();
        private final List<String> execCommand = new ArrayList<>();

        private Builder(Path imagesDir) {
            this.imagesDir = imagesDir;
            this.workDir = imagesDir;
        }

        public Builder workDir(Path dir) {
            workDir = dir;
            return this;
        }

        public Builder restoreDetached(boolean on) {
            restoreDetached = on;
            return this;
        }

        public Builder restoreSibling(boolean on) {
            restoreSibling = on;
            return this;
        }

        public Builder leaveStopped(boolean on) {
            leaveStopped = on;
            return this;
        }

        public Builder shellJob(boolean on) {
            shellJob = on;
            return this;
        }

        public Builder skipFileRwxCheck(boolean on) {
            skipFileRwxCheck = on;
            return this;
        }

        public Builder fileLocks(boolean on) {
            fileLocks = on;
            return this;
        }

        public Builder autoDedup(boolean on) {
            autoDedup = on;
            return this;
        }

        public Builder timeoutSeconds(int seconds) {
            timeoutSeconds = seconds;
            return this;
        }

        public Builder verify(boolean on) {
            verify = on;
            return this;
        }

        public Builder displayStats(boolean on) {
            displayStats = on;
            return this;
        }

        public Builder unprivileged(boolean on) {
            unprivileged = on;
            return this;
        }

        public Builder pidFile(Path file) {
            pidFile = Optional.of(file);
            return this;
        }

        public Builder statusFd(int fd) {
            statusFd = OptionalInt.of(fd);
            return this;
        }

        public Builder inheritFd(int fd, String resource) {
            inheritFds.add(new InheritFd(fd, resource));
            return this;
        }

        public Builder external(List<String> resources) {
            external.addAll(resources);
            return this;
        }

        public Builder actionScripts(List<Path> scripts) {
            actionScripts.addAll(scripts);
            return this;
        }

        public Builder execCommand(List<String> command) {
            execCommand.addAll(command);
            return this;
        }

        public RestoreOptions build() {
            return new RestoreOptions(
                    imagesDir,
                    workDir,
                    restoreDetached,
                    restoreSibling,
                    leaveStopped,
                    shellJob,
                    fileLocks,
                    skipFileRwxCheck,
                    autoDedup,
                    timeoutSeconds,
                    verify,
                    displayStats,
                    unprivileged,
                    pidFile,
                    statusFd,
                    inheritFds,
                    external,
                    actionScripts,
                    execCommand);
        }
    }
}
