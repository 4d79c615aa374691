package jcriu.memory;

import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.TaskGoneException;
import jcriu.proc.ProcFs;
import jcriu.proc.Stat;

/**
 * What must be known of the last round in which a task's soft-dirty bits were cleared. Kept in
 * {@code /run/jcriu}, which the next start of the machine empties, for root only: there is one file
 * for each task, so that of two jcriu the later is known to both.
 *
 * <p>Shape, little-endian: {@code u64 magic, u64 start time, u32 length, bytes of the round's name,
 * u32 sentinels, {u64 page, u8 set}..., u32 runs, {u64 start, u64 end, u64 frame...}...}
 *
 * @param startTime of the task, clock ticks since boot
 * @param round the name that the images of the round have, too
 * @param sentinels what was left in the task
 * @param frames of the pages whose content the images of the round have
 */
record SoftDirtyRound(long startTime, String round, Sentinels sentinels, PageFrames frames) {
    private static final Path DIRECTORY = Path.of("/run/jcriu");
    private static final String PREFIX = "soft-dirty-";
    private static final long MAGIC = 0x3144536972636a01L;

    /** Where the file of a task is: pids mean something within a pid namespace. */
    private static Path file(int pid) {
        return DIRECTORY.resolve(prefix() + pid);
    }

    private static String prefix() {
        return PREFIX + ProcFs.readlink("/proc/self/ns/pid").replaceAll("\\D", "") + "-";
    }

    /** The last round of a task, if it is known; a file that is cut short is none. */
    static Optional<SoftDirtyRound> read(int pid) {
        try {
            ByteBuffer from =
                    ByteBuffer.wrap(Files.readAllBytes(file(pid))).order(ByteOrder.LITTLE_ENDIAN);
            if (from.getLong() != MAGIC) {
                return Optional.empty();
            }
            long startTime = from.getLong();
            byte[] name = new byte[from.getInt()];
            from.get(name);
            return Optional.of(
                    new SoftDirtyRound(
                            startTime,
                            new String(name, StandardCharsets.UTF_8),
                            Sentinels.read(from),
                            PageFrames.read(from)));
        } catch (NoSuchFileException | BufferUnderflowException e) {
            return Optional.empty();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + file(pid) + ": " + e, e);
        }
    }

    void write(int pid) {
        byte[] name = round.getBytes(StandardCharsets.UTF_8);
        ByteBuffer to =
                ByteBuffer.allocate(20 + name.length + sentinels.size() + frames.size())
                        .order(ByteOrder.LITTLE_ENDIAN);
        to.putLong(MAGIC).putLong(startTime).putInt(name.length).put(name);
        sentinels.write(to);
        frames.write(to);
        Path file = file(pid);
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        try {
            Files.createDirectories(
                    DIRECTORY,
                    PosixFilePermissions.asFileAttribute(
                            PosixFilePermissions.fromString("rwx------")));
            Files.write(fresh, to.array());
            Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString("rw-------"));
            Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot write " + file + ": " + e, e);
        }
    }

    /** From now on nothing is known of a task. */
    static void forget(int pid) {
        try {
            Files.deleteIfExists(file(pid));
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot remove " + file(pid) + ": " + e, e);
        }
    }

    /** Takes away the files of tasks that are no more. */
    static void sweep() {
        if (!Files.isDirectory(DIRECTORY)) {
            return;
        }
        String prefix = prefix();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(DIRECTORY, prefix + "*")) {
            for (Path file : files) {
                String pid = file.getFileName().toString().substring(prefix.length());
                if (pid.matches("\\d{1,9}") && !lives(Integer.parseInt(pid))) {
                    Files.deleteIfExists(file);
                }
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + DIRECTORY + ": " + e, e);
        }
    }

    private static boolean lives(int pid) {
        try {
            return Stat.read(pid).startTime() >= 0;
        } catch (TaskGoneException e) {
            return false;
        }
    }
}
