package jcriu.cli;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import jcriu.errors.EnvironmentException;

/**
 * Where log lines go, and which of them: the file of {@code -o}, or standard error.
 *
 * <p>A line is {@code (00.012345) Error (dump): text}, without the time below level 3. Each line is
 * one write, so the file is complete whenever it is read. Stands below logback, which is loaded
 * only when somebody logs through it.
 */
final class LogSink {
    /** The levels of {@code -v}; 0 is the same as ERROR. */
    static final int ERROR = 1;

    static final int WARN = 2;
    static final int INFO = 3;
    static final int DEBUG = 4;
    static final int DEFAULT_LEVEL = WARN;

    private static final long START_NANOS = System.nanoTime();
    private static OutputStream out = System.err;
    private static final Path SELF = Path.of("/proc/self");
    private static boolean toFile;
    private static int level = DEFAULT_LEVEL;

    private LogSink() {}

    /** Starts over: lines up to this level, to this file or, where it is null, standard error. */
    static synchronized void open(Path file, int verbosity) {
        close();
        level = Math.max(verbosity, ERROR);
        if (file != null) {
            try {
                requireOurLink(file);
                out = new FileOutputStream(file.toFile());
            } catch (IOException e) {
                throw new EnvironmentException(
                                "log file " + file + " cannot be written: " + e.getMessage())
                        .withTargetState("untouched")
                        .withHint("name another with -o, or another work directory with -W");
            }
            toFile = true;
        }
    }

    /**
     * Where others may write, a link of theirs could lead to any file; ours may, to /dev/stdout.
     */
    private static void requireOurLink(Path file) throws IOException {
        if (Files.isSymbolicLink(file)) {
            Object owner = Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
            if (!owner.equals(0) && !owner.equals(Files.getAttribute(SELF, "unix:uid"))) {
                throw new IOException("it is a link of user " + owner);
            }
        }
    }

    static synchronized void close() {
        if (toFile) {
            try {
                out.close();
            } catch (IOException e) {
                // Every line was written when it came; nothing is left to lose.
            }
        }
        out = System.err;
        toFile = false;
        level = DEFAULT_LEVEL;
    }

    static synchronized boolean isFile() {
        return toFile;
    }

    static synchronized int level() {
        return level;
    }

    /**
     * Writes one line, if lines of this level are wanted.
     *
     * @param area what the line is about, e.g. {@code dump}
     */
    static synchronized void line(int lineLevel, String area, String text, Throwable thrown) {
        if (lineLevel > level) {
            return;
        }
        StringBuilder line = new StringBuilder(text.length() + 40);
        if (level >= INFO) {
            appendTime(line, (System.nanoTime() - START_NANOS) / 1000);
        }
        switch (lineLevel) {
            case ERROR -> line.append("Error ");
            case WARN -> line.append("Warn  ");
            default -> {}
        }
        line.append('(').append(area).append("): ").append(text).append('\n');
        if (thrown != null) {
            appendThrown(line, thrown);
        }
        try {
            out.write(line.toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            // The log is full or closed: the work goes on without it.
        }
    }

    /** {@code (SS.UUUUUU) }. */
    private static void appendTime(StringBuilder line, long micros) {
        long seconds = micros / 1_000_000;
        line.append(seconds < 10 ? "(0" : "(").append(seconds).append('.');
        String fraction = Long.toString(1_000_000 + micros % 1_000_000);
        line.append(fraction, 1, 7).append(") ");
    }

    private static void appendThrown(StringBuilder line, Throwable thrown) {
        if (level < INFO) {
            line.append("  ").append(thrown).append('\n');
            return;
        }
        StringWriter stack = new StringWriter();
        thrown.printStackTrace(new PrintWriter(stack, true));
        line.append(stack);
    }
}
