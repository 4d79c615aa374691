package jcriu.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import jcriu.dump.Deduper;
import jcriu.store.Dedup;

/** {@code dedup}: one line for each directory that gives something back, and their sum. */
final class DedupCommand {
    private DedupCommand() {}

    static void run(Arguments arguments, PrintStream out) {
        Dedup.Report report = arguments.link ? link(arguments) : dedup(arguments);
        String did = arguments.dryRun ? "would give back " : "gave back ";
        for (Dedup.Given given : report.given()) {
            out.println(
                    given.directory().normalize()
                            + " "
                            + did
                            + given.bytes()
                            + " bytes, "
                            + given.pages()
                            + " pages");
        }
        out.println("all " + did + report.bytes() + " bytes, " + report.pages() + " pages");
    }

    private static Dedup.Report dedup(Arguments arguments) {
        Requests.refuseWords(arguments);
        Path images = Requests.imagesDir(arguments);
        Requests.requireDirectory("images directory", "-D", images, false);
        return Deduper.dedup(images, arguments.dryRun);
    }

    private static Dedup.Report link(Arguments arguments) {
        if (arguments.words.size() < 2) {
            throw new UsageException(
                    "dedup --link needs at least two directories of dumps, the oldest first");
        }
        List<Path> dumps = arguments.words.stream().map(Path::of).toList();
        for (Path dump : dumps) {
            Requests.requireDirectory("images directory", "--link", dump, false);
        }
        return Deduper.link(dumps, arguments.dryRun);
    }
}
