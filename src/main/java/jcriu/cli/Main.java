package jcriu.cli;

import java.io.PrintStream;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import jcriu.cli.GetoptArguments.Occurrence;
import jcriu.cli.OptionTable.Row;
import jcriu.cli.OptionTable.Stance;
import jcriu.dump.Dumper;
import jcriu.dump.PreDumper;
import jcriu.errors.EnvironmentException;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.progress.Progress;
import jcriu.restore.Restorer;

/** The program: words in, exit code out. */
public final class Main {
    /** Fall-backs that are said at the end; the log has all. */
    private static final int SUMMARIZED = 5;

    private static final String AREA = "cli";

    private Main() {}

    /** Runs and ends the virtual machine with the exit code. */
    public static void main(String[] words) {
        useOwnLog();
        Interruption.install();
        ProgressLine.installOnTerminal();
        int code = run(words, ConfigFiles.Places.ofThisProcess(), System.out, System.err);
        Interruption.ended(code);
        System.exit(code);
    }

    static void useOwnLog() {
        System.setProperty("slf4j.provider", "jcriu.cli.LogProvider");
        System.setProperty("slf4j.internal.verbosity", "WARN");
    }

    /** Runs one action and returns the exit code; nothing is thrown. */
    static int run(String[] words, ConfigFiles.Places places, PrintStream out, PrintStream err) {
        GetoptArguments commandLine = new GetoptArguments();
        try {
            commandLine.parse(words);
            return run(commandLine, places, out, err);
        } catch (JcriuException e) {
            // dump and restore have said it themselves
            e.withTargetState("untouched");
            return report(e.kind(), e.render(), e, commandLine, err);
        } catch (InvalidPathException e) {
            JcriuException failure =
                    new EnvironmentException("not a file name in this locale: " + e.getInput())
                            .withHint("set LC_ALL=C.UTF-8");
            return report(failure.kind(), failure.render(), e, commandLine, err);
        } catch (Throwable e) {
            String text =
                    Kind.INTERNAL.description()
                            + ": "
                            + e
                            + "\nnext:   run again with -v4 for the stack, and report it";
            return report(Kind.INTERNAL, text, e, commandLine, err);
        } finally {
            Progress.end();
            out.flush();
            err.flush();
            LogSink.close();
        }
    }

    private static int run(
            GetoptArguments commandLine,
            ConfigFiles.Places places,
            PrintStream out,
            PrintStream err) {
        if (asksFor("help", commandLine)) {
            Help.print(out);
            return 0;
        }
        if (asksFor("version", commandLine)) {
            out.println("Version: " + version());
            return 0;
        }
        GetoptArguments all = ConfigFiles.read(commandLine, places);
        all.occurrences().addAll(commandLine.occurrences());
        all.positionals().addAll(commandLine.positionals());
        Arguments arguments = new Arguments();
        arguments.fill(all);
        if (arguments.logFile != null) {
            requireLogDirectory(arguments);
        }
        openLog(arguments);
        requireBuilt(arguments.action);
        judge(all.occurrences());
        return act(arguments, out, err);
    }

    private static boolean asksFor(String option, GetoptArguments commandLine) {
        List<Occurrence> given = commandLine.occurrences();
        for (int i = 0; i < given.size(); i++) {
            if (given.get(i).row().name().equals(option) && given.get(i).on()) {
                return true;
            }
        }
        return false;
    }

    private static int act(Arguments arguments, PrintStream out, PrintStream err) {
        switch (arguments.action) {
            case "dump" -> summarize(Dumper.dump(Requests.dump(arguments)), err);
            case "pre-dump" -> summarize(PreDumper.preDump(Requests.preDump(arguments)), err);
            case "restore" -> {
                return Restorer.restore(Requests.restore(arguments));
            }
            case "check" -> {
                Requests.refuseWords(arguments);
                CheckCommand.run(arguments, out);
            }
            case "verify" -> VerifyCommand.run(arguments, out);
            case "list" -> ListCommand.run(arguments, out);
            case "dedup" -> DedupCommand.run(arguments, out);
            default -> throw new IllegalStateException("no code for action " + arguments.action);
        }
        return 0;
    }

    /** Says at the end what came out otherwise than asked for, where the log goes elsewhere. */
    private static void summarize(List<String> fallbacks, PrintStream err) {
        if (!LogSink.isFile()) {
            return;
        }
        fallbacks.stream().limit(SUMMARIZED).forEach(why -> err.println("Warning: " + why));
        if (fallbacks.size() > SUMMARIZED) {
            err.println("Warning: and " + (fallbacks.size() - SUMMARIZED) + " more in the log");
        }
    }

    private static void requireBuilt(String action) {
        if (action == null) {
            throw new UsageException("no action given");
        }
        if (Action.NOT_BUILT.contains(action)) {
            throw new JcriuException(Kind.UNSUPPORTED, "action " + action + " is not built yet")
                    .withHint("see docs/limits.md");
        }
        if (!Action.BUILT.contains(action)) {
            throw new UsageException("unknown action " + action);
        }
    }

    /** Refuses what cannot be left out, and notes what is. */
    private static void judge(List<Occurrence> occurrences) {
        for (int i = 0; i < occurrences.size(); i++) {
            Occurrence given = occurrences.get(i);
            Row option = given.row();
            if (option.stance() == Stance.BUILT || !given.on()) {
                continue;
            }
            if (option.stance() == Stance.REFUSED && !isHarmless(given)) {
                throw new JcriuException(
                                Kind.UNSUPPORTED, "option --" + option.name() + " is not built yet")
                        .withTargetState("untouched")
                        .withHint("leave it out; see docs/limits.md");
            }
            if (LogSink.level() >= LogSink.INFO) {
                LogSink.line(
                        LogSink.INFO, AREA, "option --" + option.name() + " has no effect", null);
            }
        }
    }

    /** A refused option with the one value that asks for nothing. */
    private static boolean isHarmless(Occurrence given) {
        return given.row().name().equals("cpu-cap") && "none".equals(given.value());
    }

    private static void requireLogDirectory(Arguments arguments) {
        Requests.requireDirectory("images directory", "-D", Requests.imagesDir(arguments), false);
        Requests.requireDirectory("work directory", "-W", Requests.workDir(arguments), false);
    }

    private static void openLog(Arguments arguments) {
        Path file =
                arguments.logFile == null
                        ? null
                        : Requests.workDir(arguments).resolve(arguments.logFile);
        LogSink.open(file, arguments.verbosity < 0 ? LogSink.DEFAULT_LEVEL : arguments.verbosity);
    }

    /** After an early failure: the log exists all the same, as far as its name was read. */
    private static void openLogAfterFailure(GetoptArguments commandLine) {
        Arguments arguments = new Arguments();
        List<Occurrence> given = commandLine.occurrences();
        for (int i = 0; i < given.size(); i++) {
            switch (given.get(i).row().name()) {
                case "log-file" -> arguments.logFile = given.get(i).value();
                case "work-dir" -> arguments.workDir = given.get(i).value();
                case "images-dir" -> arguments.imagesDir = given.get(i).value();
                default -> {}
            }
        }
        if (arguments.logFile == null) {
            return;
        }
        arguments.verbosity = commandLine.verbosity();
        try {
            openLog(arguments);
        } catch (JcriuException | InvalidPathException e) {
            // The failure that is being reported is the one that counts.
        }
    }

    private static int report(
            Kind kind,
            String text,
            Throwable thrown,
            GetoptArguments commandLine,
            PrintStream err) {
        if (!LogSink.isFile()) {
            openLogAfterFailure(commandLine);
        }
        boolean withStack = commandLine.verbosity() >= LogSink.INFO;
        if (LogSink.isFile()) {
            LogSink.line(LogSink.ERROR, AREA, text, withStack ? thrown : null);
        }
        err.println("Error: " + text);
        if (withStack && !LogSink.isFile()) {
            thrown.printStackTrace(err);
        }
        return kind.exitCode();
    }

    private static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version != null ? version : "0.0 (not from a jar)";
    }
}
