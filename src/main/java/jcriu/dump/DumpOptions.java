package jcriu.dump;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcriu.memory.Trackers;

/**
 * What a dump is asked to do; checked and in real types.
 *
 * @param pid the root task of the tree, as seen in our pid namespace
 * @param imagesDir where images go; exists and is writable
 * @param workDir logs and stats; exists
 * @param leaveRunning the tree runs on afterwards instead of being killed
 * @param leaveStopped every task and thread is in state T afterwards; wins over leaveRunning
 * @param shellJob the tree may be part of a session, or use a terminal, from outside it
 * @param fileLocks file locks may be saved
 * @param linkRemap unlinked files that still have a name may be given another one
 * @param ghostLimitBytes the largest unlinked file to be saved
 * @param timeoutSeconds for collecting and freezing; the tree is released when it runs out; 0: none
 * @param trackMem start to track writes for the next dump
 * @param tracker how pages that have changed are found: auto or the name of one
 * @param autoDedup punch replaced pages out of the parent images
 * @param sync force images to the disk before they are complete
 * @param displayStats print the statistics on standard output
 * @param unprivileged be content with CAP_CHECKPOINT_RESTORE and CAP_SYS_PTRACE
 * @param prevImagesDir the parent images, relative to imagesDir
 * @param external resources from outside the tree, e.g. {@code tty[8803:1]}
 * @param actionScripts called at each step, in this order
 */
public record DumpOptions(
        int pid,
        Path imagesDir,
        Path workDir,
        boolean leaveRunning,
        boolean leaveStopped,
        boolean shellJob,
        boolean fileLocks,
        boolean linkRemap,
        long ghostLimitBytes,
        int timeoutSeconds,
        boolean trackMem,
        String tracker,
        boolean autoDedup,
        boolean sync,
        boolean displayStats,
        boolean unprivileged,
        Optional<Path> prevImagesDir,
        List<String> external,
        List<Path> actionScripts) {

    public static final long DEFAULT_GHOST_LIMIT_BYTES = 1L << 20;
    public static final int DEFAULT_TIMEOUT_SECONDS = 10;

    public DumpOptions {
        external = List.copyOf(external);
        actionScripts = List.copyOf(actionScripts);
    }

    /** A dump of this tree; the work directory is the images directory until it is set. */
    public static Builder of(int pid, Path imagesDir) {
        return new Builder(pid, imagesDir);
    }

    /** Collects the options that differ from their defaults. */
    public static final class Builder {
        private final int pid;
        private final Path imagesDir;
        private Path workDir;
        private boolean leaveRunning;
        private boolean leaveStopped;
        private boolean shellJob;
        private boolean fileLocks;
        private boolean linkRemap;
        private long ghostLimitBytes = DEFAULT_GHOST_LIMIT_BYTES;
        private int timeoutSeconds = DEFAULT_TIMEOUT_SECONDS;
        private boolean trackMem;
        private String tracker = Trackers.AUTO;
        private boolean autoDedup;
        private boolean sync = true;
        private boolean displayStats;
        private boolean unprivileged;
        private Optional<Path> prevImagesDir = Optional.empty();
        private final List<String> external = new ArrayList<>();
        private final List<Path> actionScripts = new ArrayList<>();

        private Builder(int pid, Path imagesDir) {
            this.pid = pid;
            this.imagesDir = imagesDir;
            this.workDir = imagesDir;
        }

        public Builder workDir(Path dir) {
            workDir = dir;
            return this;
        }

        public Builder leaveRunning(boolean on) {
            leaveRunning = on;
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

        public Builder fileLocks(boolean on) {
            fileLocks = on;
            return this;
        }

        public Builder linkRemap(boolean on) {
            linkRemap = on;
            return this;
        }

        public Builder ghostLimitBytes(long limitBytes) {
            ghostLimitBytes = limitBytes;
            return this;
        }

        public Builder timeoutSeconds(int seconds) {
            timeoutSeconds = seconds;
            return this;
        }

        public Builder trackMem(boolean on) {
            trackMem = on;
            return this;
        }

        public Builder tracker(String name) {
            tracker = name;
            return this;
        }

        public Builder autoDedup(boolean on) {
            autoDedup = on;
            return this;
        }

        public Builder sync(boolean on) {
            sync = on;
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

        public Builder prevImagesDir(Path dir) {
            prevImagesDir = Optional.of(dir);
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

        public DumpOptions build() {
            return new DumpOptions(
                    pid,
                    imagesDir,
                    workDir,
                    leaveRunning,
                    leaveStopped,
                    shellJob,
                    fileLocks,
                    linkRemap,
                    ghostLimitBytes,
                    timeoutSeconds,
                    trackMem,
                    tracker,
                    autoDedup,
                    sync,
                    displayStats,
                    unprivileged,
                    prevImagesDir,
                    external,
                    actionScripts);
        }
    }
}
