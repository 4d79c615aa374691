package jcriu.inspect;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;

/** Checkpoints side by side, oldest first. */
public final class Listing {
    private static final DateTimeFormatter DATE =
            DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss").withZone(ZoneId.systemDefault());

    private Listing() {}

    /**
     * One line.
     *
     * @param whyNot why it cannot be restored; nothing if it can
     */
    public record Row(Checkpoint checkpoint, Optional<String> whyNot) {}

    /**
     * Looks at directories of images, and at those in a directory that is none itself.
     *
     * @throws JcriuException if a directory cannot be read
     */
    public static List<Row> of(List<Path> directories) {
        Map<Path, Checkpoint> known = new HashMap<>();
        List<Row> rows = new ArrayList<>();
        for (Path directory : directories) {
            if (Checkpoint.isOne(directory)) {
                rows.add(row(directory, known));
                continue;
            }
            for (Path child : children(directory)) {
                if (Checkpoint.isOne(child)) {
                    rows.add(row(child, known));
                }
            }
        }
        rows.sort(
                Comparator.comparing((Row row) -> row.checkpoint().when())
                        .thenComparing(row -> row.checkpoint().directory()));
        return rows;
    }

    private static Row row(Path directory, Map<Path, Checkpoint> known) {
        Chain chain = Chain.read(new ImageDir(directory), known);
        Checkpoint named = chain.checkpoints().get(0);
        return new Row(named, chain.whyNotRestorable());
    }

    private static List<Path> children(Path directory) {
        List<Path> children = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(directory)) {
            for (Path child : all) {
                if (Files.isDirectory(child) && !Files.isSymbolicLink(child)) {
                    children.add(child);
                }
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory + ": " + e, e);
        }
        return children;
    }

    /** In the local time zone, to the second. */
    public static String date(Instant when) {
        return DATE.format(when.truncatedTo(ChronoUnit.SECONDS));
    }
}
