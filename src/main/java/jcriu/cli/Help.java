package jcriu.cli;

import java.io.PrintStream;
import jcriu.errors.Kind;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** What {@code --help} prints; the only place that loads picocli. */
final class Help {
    private Help() {}

    static void print(PrintStream out) {
        StringBuilder text = new StringBuilder("Usage: jcriu ACTION [OPTION...]\n\nActions:\n");
        text.append("  dump -t PID      save a tree of processes and end it\n");
        text.append("  pre-dump -t PID  save its memory ahead of a dump; it runs on\n");
        text.append("  restore          start it again from its images\n");
        text.append("  check            say what this kernel allows\n");
        text.append("  verify [DIR]     check a checkpoint and all its parents\n");
        text.append("  list [DIR...]    show checkpoints at a glance\n");
        text.append("  dedup            take out of parents what a newer dump has in its place\n");
        text.append("  dedup --link DIR1 DIR2...  leave to a dump what later ones have, too\n");
        text.append("Known, not built yet: ").append(String.join(", ", Action.NOT_BUILT));
        text.append("\n\nOptions:\n");
        text.append(options(builtOptions()));
        text.append("\nAccepted without effect (docs/limits.md):\n");
        text.append(options(CommandSpec.forAnnotatedObject(new OptionsWithoutEffect())));
        text.append("\nRefused, not built yet (docs/limits.md):\n");
        text.append(options(CommandSpec.forAnnotatedObject(new RefusedOptions())));
        text.append(exitCodes());
        out.print(text);
    }

    /** The options of the model without those of its mixins, which have their own headings. */
    private static CommandSpec builtOptions() {
        CommandSpec all = CommandSpec.forAnnotatedObject(new Arguments());
        CommandSpec built = CommandSpec.create();
        for (OptionSpec option : all.options()) {
            String name = option.longestName().substring(2);
            if (OptionTable.named(name).stance() == OptionTable.Stance.BUILT) {
                built.addOption(option);
            }
        }
        return built;
    }

    private static String options(CommandSpec spec) {
        spec.usageMessage().sortOptions(false);
        return new CommandLine.Help(spec, CommandLine.Help.Ansi.OFF).optionList();
    }

    static String exitCodes() {
        StringBuilder text = new StringBuilder("\nExit status:\n   0  done\n");
        for (Kind kind : Kind.values()) {
            text.append(String.format("  %2d  %s%n", kind.exitCode(), kind.description()));
        }
        text.append("A restore without -d ends with the status of the root task.\n");
        return text.append("Take any other status for a failure too.\n").toString();
    }
}
