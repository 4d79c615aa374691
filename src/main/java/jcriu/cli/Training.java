package jcriu.cli;

import java.util.ArrayList;
import java.util.List;
import jcriu.check.Features;

/**
 * Runs several command lines in one virtual machine, so that one class archive holds what all of
 * them load. Called by {@code scripts/build} only.
 */
final class Training {
    private static final String NEXT = "then";

    private Training() {}

    /** Command lines with the word "then" between them; the first failure ends it. */
    public static void main(String[] words) {
        Main.useOwnLog();
        List<String> line = new ArrayList<>();
        for (String word : words) {
            if (word.equals(NEXT)) {
                run(line);
                line.clear();
            } else {
                line.add(word);
            }
        }
        run(line);
        Features.probe("vma_flags"); // what dumps of large tasks load, too
        System.exit(0);
    }

    private static void run(List<String> line) {
        int status =
                Main.run(
                        line.toArray(new String[0]),
                        ConfigFiles.Places.ofThisProcess(),
                        System.out,
                        System.err);
        if (status != 0) {
            System.exit(status);
        }
    }
}
