package jcriu.cli;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import jcriu.check.Features;
import jcriu.check.Need;
import jcriu.check.Verdict;
import jcriu.errors.EnvironmentException;

/**
 * {@code check}: what jcriu needs and finds here, one line each. {@code --feature} asks for single
 * features and answers by the exit status alone.
 */
final class CheckCommand {
    private CheckCommand() {}

    static void run(Arguments arguments, PrintStream out) {
        for (String feature : arguments.feature) {
            if (!Features.names().contains(feature)) {
                throw new UsageException(
                        "unknown feature " + feature, "jcriu check --all lists the names");
            }
        }
        if (arguments.feature.isEmpty()) {
            needs(out, arguments.extra || arguments.experimental || arguments.all);
        } else {
            features(arguments.feature);
        }
    }

    private static void features(List<String> names) {
        List<String> missing = new ArrayList<>();
        for (String name : names) {
            Verdict verdict = Features.probe(name);
            if (!verdict.there()) {
                missing.add("feature " + name + ": " + verdict);
            }
        }
        if (!missing.isEmpty()) {
            throw new EnvironmentException(String.join("; ", missing));
        }
    }

    private static void needs(PrintStream out, boolean withFeatures) {
        List<String> missing = new ArrayList<>();
        for (Need need : Need.all()) {
            Verdict verdict = need.verdict();
            if (verdict.there()) {
                print(out, "ok", need.name(), "");
                continue;
            }
            print(
                    out,
                    need.required() ? "MISSING" : "without",
                    need.name(),
                    verdict.why() + "; " + need.otherwise());
            if (need.required()) {
                missing.add(need.name());
            }
        }
        if (withFeatures) {
            out.println();
            for (String name : Features.names()) {
                Verdict verdict = Features.probe(name);
                print(out, verdict.state().word(), name, verdict.why());
            }
        }
        if (!missing.isEmpty()) {
            throw new EnvironmentException(
                    "jcriu cannot work here: " + String.join(", ", missing) + " missing");
        }
    }

    private static void print(PrintStream out, String state, String name, String why) {
        out.println(String.format("%-11s%-25s%s", state, name, why).stripTrailing());
    }
}
