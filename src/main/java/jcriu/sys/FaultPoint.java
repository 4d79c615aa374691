package jcriu.sys;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.kernel.ProcessConstants;
import jcriu.kernel.Syscall;

/**
 * The steps of a dump and a restore at which a test can make something go wrong: {@code
 * JCRIU_JAVA_OPTS=-Djcriu.fault=dump.pages:kill}. {@code FaultsIT} runs through all of them;
 * without the property {@link #pass} is one test of a constant.
 *
 * <p>The kinds: {@code error} (without a kind, too) throws what a full disk would; {@code kill}
 * ends jcriu by SIGKILL; {@code delay=FILE} waits until a file is there, 30 seconds at most, so
 * that a test can come between. A step that comes more than once is chosen by its number: {@code
 * dedup.punch@3:kill} lets two pass.
 */
public enum FaultPoint {
    /** All has been looked at; nothing is written, the tree was not touched. */
    DUMP_CHECK,
    /** The process to rehearse on is there. Its failure does not make a dump fail. */
    DUMP_REHEARSE,
    /** The old images are gone, room for the new ones is made. */
    DUMP_ROOM,
    /** A first thread is seized, and about to stop; the others run. */
    DUMP_SEIZE,
    /** All threads are stopped. */
    DUMP_FREEZE,
    /** A first thread is about to make the call that maps the scratch area. */
    DUMP_MAP,
    /** The first task has its scratch area, and its threads answer. */
    DUMP_ASK,
    /** A first thread is about to make the call that unmaps the scratch area. */
    DUMP_UNMAP,
    /** The first task is as it was, others still answer. */
    DUMP_GATHER,
    /** On a thread that describes what was found. */
    DUMP_DESCRIBE,
    /** Private pages are copied, shared ones are not. */
    DUMP_PAGES,
    /** With --leave-running: a first task runs on. */
    DUMP_THAW,
    /**
     * The core images and their like are written; with --leave-running the tree runs on already.
     */
    DUMP_WRITE,
    /** All but the inventory is written. */
    DUMP_INVENTORY,
    /** The inventory is written, under another name; nothing is forced to the disk yet. */
    DUMP_SYNC,
    /** All is on the disk, but the name of the inventory. */
    DUMP_RENAME,
    /** The dump is complete; the tree is about to be killed. */
    DUMP_KILL,
    /** The statistics. Their failure does not make a dump fail. */
    DUMP_STATS,

    /** Of a pre-dump: the old images are gone, nothing is copied. */
    PREDUMP_PAGES,
    /** Of a pre-dump: all but the inventory is written. */
    PREDUMP_INVENTORY,
    /** Of a pre-dump: all is on the disk, but the name of the inventory. */
    PREDUMP_RENAME,

    /** A first task of a stopped tree is about to make a userfaultfd. */
    TRACK_OPEN,
    /** A first task of a stopped tree is watched from now on. */
    TRACK_ATTACH,
    /** The images are complete; what holds the marks is about to be let go. */
    TRACK_KEEP,
    /** Of dedup: a file is about to be written, under a name that nobody reads. */
    DEDUP_WRITE,
    /** Of dedup: a file or a directory is about to be forced to the disk. */
    DEDUP_SYNC,
    /** Of dedup: a file or a link is about to get its name. */
    DEDUP_RENAME,
    /** Of dedup: pages are about to leave a pages file. */
    DEDUP_PUNCH,

    /** The images are read and checked. */
    RESTORE_READ,
    /** The first process is there, as a seed. */
    RESTORE_SPAWN,
    /** A first child is there. */
    RESTORE_FORK,
    /** Groups are made; helpers that made those of dead leaders are still there. */
    RESTORE_GROUPS,
    /** Zombies have ended. */
    RESTORE_ZOMBIES,
    /** A first task has its mappings. */
    RESTORE_ADDRESS_SPACE,
    /** A first task has its memory. */
    RESTORE_MEMORY,
    /** A first task has its descriptors. */
    RESTORE_FILES,
    /** A first task has its threads, handlers, limits. */
    RESTORE_THREADS,
    /** A first task has given up its privileges. */
    RESTORE_PRIVILEGES,
    /** The timers of a first task run; its registers are set. */
    RESTORE_TIMERS,
    /** Everything is there and stopped; the pid file is written. */
    RESTORE_RESUME,
    /** The point of no return: a first task runs. */
    RESTORE_RELEASE;

    private static final String CHOSEN = System.getProperty("jcriu.fault");
    private static final boolean ON = CHOSEN != null;
    private static final AtomicInteger PASSED = new AtomicInteger();
    private static final long DELAY_NANOS = 30_000_000_000L;
    private static final long POLL_NANOS = 5_000_000;

    private static volatile boolean suspended;

    /** Does here what was chosen on the command line of the Java virtual machine, if anything. */
    public void pass() {
        if (ON) {
            act();
        }
    }

    /** A rehearsal must not fail in the place of the dump. */
    public static void suspend(boolean on) {
        suspended = on;
    }

    private void act() {
        String[] words = CHOSEN.split(":", 2);
        String[] kind = (words.length > 1 ? words[1] : "error").split("=", 2);
        String[] place = words[0].split("@", 2);
        int number = place.length > 1 ? Integer.parseInt(place[1]) : 1;
        if (!place[0].equals(toString()) || suspended || PASSED.incrementAndGet() != number) {
            return;
        }
        switch (kind[0]) {
            case "error" ->
                    throw new JcriuException(Kind.IO, "fault injected at " + this)
                            .withHint("unset the Java property jcriu.fault");
            case "kill" ->
                    Native.call(
                            Syscall.KILL, ProcessHandle.current().pid(), ProcessConstants.SIGKILL);
            case "delay" -> {
                long end = System.nanoTime() + DELAY_NANOS;
                Path over = Path.of(kind[1]);
                while (!Files.exists(over) && System.nanoTime() - end < 0) {
                    LockSupport.parkNanos(POLL_NANOS);
                }
            }
            default -> throw new IllegalArgumentException("jcriu.fault=" + CHOSEN);
        }
    }

    /** As it is chosen, e.g. {@code dump.pages}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replaceFirst("_", ".").replace('_', '-');
    }
}
