package jcriu.cli;

import com.google.gson.stream.JsonWriter;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcriu.inspect.Checkpoint;
import jcriu.inspect.Listing;

/** {@code list}: checkpoints at a glance, for people or as JSON. */
final class ListCommand {
    private static final String NONE = "-";
    private static final List<String> HEAD =
            List.of(
                    "CHECKPOINT",
                    "WHEN",
                    "KIND",
                    "TRACKER",
                    "NEW PAGES",
                    "OF PARENT",
                    "BYTES",
                    "PARENT",
                    "RESTORABLE");

    private ListCommand() {}

    static void run(Arguments arguments, PrintStream out) {
        List<Path> directories = new ArrayList<>();
        for (String word : arguments.words) {
            directories.add(Path.of(word));
        }
        if (directories.isEmpty()) {
            directories.add(Requests.imagesDir(arguments));
        }
        for (Path directory : directories) {
            Requests.requireDirectory("directory", "another argument", directory, false);
        }
        List<Listing.Row> rows = Listing.of(directories);
        if (arguments.json) {
            out.println(json(rows));
        } else if (rows.isEmpty()) {
            out.println("no checkpoints");
        } else {
            table(rows, out);
        }
    }

    private static void table(List<Listing.Row> rows, PrintStream out) {
        List<List<String>> lines = new ArrayList<>();
        lines.add(HEAD);
        rows.forEach(row -> lines.add(cells(row)));
        int[] widths = new int[HEAD.size()];
        for (List<String> line : lines) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], line.get(i).length());
            }
        }
        for (List<String> line : lines) {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < widths.length; i++) {
                boolean number = i >= 4 && i <= 6;
                text.append(String.format((number ? "%" : "%-") + widths[i] + "s  ", line.get(i)));
            }
            out.println(text.toString().stripTrailing());
        }
    }

    private static List<String> cells(Listing.Row row) {
        Checkpoint of = row.checkpoint();
        return List.of(
                of.directory().toString(),
                Listing.date(of.when()),
                of.kind(),
                of.tracker().orElse(NONE),
                of.complete() ? Long.toString(of.pagesNew()) : NONE,
                of.complete() ? Long.toString(of.pagesParent()) : NONE,
                ProgressLine.bytes(of.bytes()),
                of.parentLink().map(Path::toString).orElse(NONE),
                row.whyNot().map(why -> "no: " + why).orElse("yes"));
    }

    private static String json(List<Listing.Row> rows) {
        StringWriter text = new StringWriter();
        try (JsonWriter json = new JsonWriter(text)) {
            json.setIndent("  ");
            json.beginArray();
            for (Listing.Row row : rows) {
                write(json, row);
            }
            json.endArray();
        } catch (IOException e) {
            throw new IllegalStateException(e); // it writes into memory
        }
        return text.toString();
    }

    private static void write(JsonWriter json, Listing.Row row) throws IOException {
        Checkpoint of = row.checkpoint();
        json.beginObject();
        json.name("directory").value(of.directory().toAbsolutePath().normalize().toString());
        json.name("complete").value(of.complete());
        json.name("restorable").value(row.whyNot().isEmpty());
        json.name("whyNot").value(row.whyNot().orElse(null));
        json.name("created").value(of.when().toString());
        json.name("kind").value(of.kind());
        json.name("tracker").value(of.tracker().orElse(null));
        json.name("fallbacks").beginArray();
        for (String why : of.fallbacks()) {
            json.value(why);
        }
        json.endArray();
        json.name("pagesNew").value(of.pagesNew());
        json.name("pagesParent").value(of.pagesParent());
        json.name("bytes").value(of.bytes());
        json.name("parent").value(of.parentLink().map(Path::toString).orElse(null));
        json.name("id").value(of.id().map(Object::toString).orElse(null));
        json.name("parentId").value(of.parentId().map(Object::toString).orElse(null));
        json.endObject();
    }
}
