package jcriu.cli;

import java.io.PrintStream;
import jcriu.check.FeatureNames;
import jcriu.errors.EnvironmentException;

/** {@code check}: until features are probed, it claims none. */
final class CheckCommand {
    private CheckCommand() {}

    static void run(Arguments arguments, PrintStream out) {
        for (String feature : arguments.feature) {
            if (!FeatureNames.ALL.contains(feature)) {
                throw new UsageException(
                        "unknown feature " + feature, "jcriu check lists the names");
            }
        }
        if (!arguments.feature.isEmpty()) {
            throw new EnvironmentException(
                    "feature " + String.join(", ", arguments.feature) + ": not probed");
        }
        for (String feature : FeatureNames.ALL) {
            out.println(feature + ": not probed");
        }
        throw new EnvironmentException("no feature was probed");
    }
}
