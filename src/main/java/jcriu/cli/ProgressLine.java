package jcriu.cli;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;
import jcriu.progress.Progress;

/**
 * One line on the terminal for work that takes longer than a second: what, bytes, rate, remaining.
 * It is drawn by whoever moves bytes, so there is no thread that could draw while nobody works; and
 * it is gone when the work is done.
 */
final class ProgressLine implements Progress.Display {
    private static final long SILENT_NANOS = 1_000_000_000;
    private static final long STEP_NANOS = 200_000_000;
    private static final int WIDTH = 78;

    private final PrintStream out;
    private final long silentNanos;
    private final AtomicLong done = new AtomicLong();
    private final AtomicLong nextDraw = new AtomicLong();
    private volatile String what;
    private volatile long total;
    private volatile long start;
    private volatile boolean drawn;

    private ProgressLine(PrintStream out, long silentNanos) {
        this.out = out;
        this.silentNanos = silentNanos;
    }

    /**
     * Shows progress on standard error, if that is the terminal whose foreground we are. (In the
     * background a write could stop us, while we have stopped others.)
     */
    static void installOnTerminal() {
        if (isTerminal(Path.of("/proc/self/fd/2")) && inForeground(Path.of("/proc/self/stat"))) {
            Progress.install(new ProgressLine(System.err, SILENT_NANOS));
        }
    }

    /** For tests: draws from the first step on. */
    static ProgressLine drawingAtOnce(PrintStream out) {
        return new ProgressLine(out, 0);
    }

    private static boolean isTerminal(Path descriptor) {
        try {
            String file = Files.readSymbolicLink(descriptor).toString();
            return file.startsWith("/dev/pts/")
                    || file.startsWith("/dev/tty")
                    || file.equals("/dev/console");
        } catch (IOException e) {
            return false;
        }
    }

    /** proc_pid_stat(5): state, ppid, pgrp, session, tty_nr, tpgid follow the name. */
    private static boolean inForeground(Path stat) {
        try {
            String text = Files.readString(stat);
            String[] fields = text.substring(text.lastIndexOf(')') + 2).split(" ");
            return fields[2].equals(fields[5]);
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public void begin(String newWhat, long bytes) {
        end();
        what = newWhat;
        total = bytes;
        done.set(0);
        start = System.nanoTime();
        nextDraw.set(start + silentNanos);
    }

    @Override
    public void step(long bytes) {
        long sum = done.addAndGet(bytes);
        long now = System.nanoTime();
        long due = nextDraw.get();
        if (what != null && now - due >= 0 && nextDraw.compareAndSet(due, now + STEP_NANOS)) {
            draw(text(what, sum, total, now - start));
        }
    }

    @Override
    public void end() {
        what = null;
        clear();
    }

    @Override
    public void clear() {
        if (drawn) {
            draw("");
            out.print('\r');
            out.flush();
            drawn = false;
        }
    }

    private synchronized void draw(String text) {
        drawn = true;
        out.print(String.format("\r%-" + WIDTH + "s", text));
        out.flush();
    }

    /** E.g. {@code copy pages: 512.0M of 1.0G, 310.2M/s, 2 s left}. */
    static String text(String what, long done, long total, long nanos) {
        double rate = done * 1e9 / Math.max(1, nanos);
        StringBuilder text = new StringBuilder(what).append(": ").append(bytes(done));
        if (done < total) {
            text.append(" of ").append(bytes(total));
        }
        text.append(", ").append(bytes((long) rate)).append("/s");
        if (done < total && rate >= 1) {
            text.append(", ").append((long) Math.ceil((total - done) / rate)).append(" s left");
        }
        return text.toString();
    }

    /** To one digit behind the point, e.g. {@code 16.1M}. */
    static String bytes(long bytes) {
        double rest = bytes;
        int unit = 0;
        while (rest >= 1024 && unit < 4) {
            rest /= 1024;
            unit++;
        }
        return unit == 0
                ? "" + bytes
                : String.format(Locale.ROOT, "%.1f%c", rest, " KMGT".charAt(unit));
    }
}
