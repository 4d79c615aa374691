package jcriu.cli;

import java.io.PrintStream;
import java.nio.file.Path;
import jcriu.dump.Deduper;
import jcriu.store.Dedup;

/** {@code dedup}: one line for each directory that gives something back, and their sum. */
final class DedupCommand {
    private DedupCommand() {}

    static void run(Arguments arguments, PrintStream out) {
        Requests.refuseWords(arguments);
        Path images = Requests.imagesDir(arguments);
        Requests.requireDirectory("images directory", "-D", images, false);
        Dedup.Report report = Deduper.dedup(images, arguments.dryRun);
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
}
