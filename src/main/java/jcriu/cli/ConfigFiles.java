package jcriu.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jcriu.cli.GetoptArguments.Occurrence;
import jcriu.errors.EnvironmentException;

/**
 * Options from files: one a line, without dashes, the value after a blank; quotes hold blanks
 * together; {@code #} begins a comment. What is read later wins, the command line over all.
 */
final class ConfigFiles {
    /** Where the default files are looked for, so that a test can name other places. */
    record Places(Path etc, Path home, String fromEnvironment) {
        static Places ofThisProcess() {
            String home = System.getenv("HOME");
            return new Places(
                    Path.of("/etc"),
                    home == null || home.isEmpty() ? null : Path.of(home),
                    System.getenv("CRIU_CONFIG_FILE"));
        }
    }

    private ConfigFiles() {}

    /**
     * The options of all files that this command line and environment name, in reading order: the
     * default files, that of the environment, that of {@code --config}.
     */
    static GetoptArguments read(GetoptArguments commandLine, Places places) {
        boolean defaults = true;
        String named = null;
        List<Occurrence> given = commandLine.occurrences();
        for (int i = 0; i < given.size(); i++) {
            switch (given.get(i).row().name()) {
                case "default-config" -> defaults = given.get(i).on();
                case "config" -> named = given.get(i).value();
                default -> {}
            }
        }
        GetoptArguments options = new GetoptArguments();
        if (defaults) {
            readIfThere(places.etc.resolve("jcriu/default.conf"), options);
            if (places.home != null) {
                readIfThere(places.home.resolve(".jcriu/default.conf"), options);
            }
            readIfThere(places.etc.resolve("criu/default.conf"), options);
            if (places.home != null) {
                readIfThere(places.home.resolve(".criu/default.conf"), options);
            }
        }
        if (places.fromEnvironment != null && !places.fromEnvironment.isEmpty()) {
            readFile(Path.of(places.fromEnvironment), options);
        }
        if (named != null) {
            readFile(Path.of(named), options);
        }
        return options;
    }

    private static void readIfThere(Path file, GetoptArguments into) {
        if (Files.exists(file)) {
            readFile(file, into);
        }
    }

    private static void readFile(Path file, GetoptArguments into) {
        String text;
        try {
            text = Files.readString(file, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new EnvironmentException("configuration file " + file + " cannot be read: " + e)
                    .withHint("name another, or leave it out with --no-default-config");
        }
        int number = 0;
        int start = 0;
        while (start < text.length()) {
            int end = text.indexOf('\n', start);
            if (end < 0) {
                end = text.length();
            }
            number++;
            try {
                addLine(text.substring(start, end), into);
            } catch (UsageException e) {
                throw new UsageException(file + ", line " + number + ": " + e.what());
            }
            start = end + 1;
        }
    }

    private static void addLine(String line, GetoptArguments into) {
        List<String> words = words(line);
        if (words.isEmpty()) {
            return;
        }
        if (words.size() > 2) {
            throw new UsageException("more than one value (quote it): " + line.strip());
        }
        String name = words.get(0);
        String value = words.size() == 2 ? words.get(1) : null;
        int equals = name.indexOf('=');
        if (value == null && equals > 0) {
            value = name.substring(equals + 1);
            name = name.substring(0, equals);
        }
        into.addLine(name, value);
        List<Occurrence> added = into.occurrences();
        switch (added.get(added.size() - 1).row().name()) {
            case "config", "default-config", "help", "version" ->
                    throw new UsageException("option " + name + " means nothing in a file");
            default -> {}
        }
    }

    /** The words of a line: blanks part them, quotes hold them together, # ends the line. */
    static List<String> words(String line) {
        List<String> words = new ArrayList<>();
        StringBuilder word = new StringBuilder();
        boolean inWord = false;
        char quote = 0;
        for (int i = 0; i < line.length(); i++) {
            char c = line.charAt(i);
            if (quote != 0) {
                if (c == quote) {
                    quote = 0;
                } else if (c == '\\' && quote == '"' && i + 1 < line.length()) {
                    word.append(line.charAt(++i));
                } else {
                    word.append(c);
                }
            } else if (c == '"' || c == '\'') {
                quote = c;
                inWord = true;
            } else if (c == '#' && !inWord) {
                break;
            } else if (Character.isWhitespace(c)) {
                if (inWord) {
                    words.add(word.toString());
                    word.setLength(0);
                    inWord = false;
                }
            } else {
                word.append(c);
                inWord = true;
            }
        }
        if (quote != 0) {
            throw new UsageException("a quote is not closed: " + line.strip());
        }
        if (inWord) {
            words.add(word.toString());
        }
        return words;
    }
}
