package jcriu.cli;

import java.util.ArrayList;
import java.util.List;
import jcriu.cli.OptionTable.Row;
import jcriu.cli.OptionTable.Value;

/**
 * Reads words as getopt_long(3) does: options and other words in any order, values in the same word
 * or the next, abbreviated long names, clusters of letters, {@code --} to end the options.
 *
 * <p>Beyond getopt_long, every on/off option has a twin {@code --no-NAME}.
 *
 * <p>After a usage error, {@link #occurrences} still holds what was read before it.
 */
final class GetoptArguments {
    /**
     * An option as it was given.
     *
     * @param value null if there was none
     * @param on false for a {@code --no-} twin
     */
    record Occurrence(Row row, String value, boolean on) {}

    private static final String NEGATION = "no-";

    private final List<Occurrence> occurrences = new ArrayList<>();
    private final List<String> positionals = new ArrayList<>();

    /** The options in the order given. */
    List<Occurrence> occurrences() {
        return occurrences;
    }

    /** The words that are not options: the action, its arguments, the command for --exec-cmd. */
    List<String> positionals() {
        return positionals;
    }

    GetoptArguments parse(String... words) {
        int i = 0;
        while (i < words.length) {
            String word = words[i++];
            if (word.equals("--")) {
                while (i < words.length) {
                    positionals.add(words[i++]);
                }
            } else if (word.startsWith("--")) {
                i = parseLong(words, i, word);
            } else if (word.length() > 1 && word.charAt(0) == '-') {
                i = parseCluster(words, i, word);
            } else {
                positionals.add(word);
            }
        }
        return this;
    }

    /**
     * Adds one line of a configuration file.
     *
     * @param name the long name without dashes, perhaps abbreviated
     * @param value null if the line holds only a name
     */
    void addLine(String name, String value) {
        Match match = match(name);
        if (value == null && match.row.value() == Value.REQUIRED) {
            throw new UsageException("option " + name + " needs a value");
        }
        if (value != null && match.row.value() == Value.NONE) {
            throw new UsageException("option " + name + " takes no value");
        }
        occurrences.add(new Occurrence(match.row, value, match.on));
    }

    private int parseLong(String[] words, int next, String word) {
        int equals = word.indexOf('=');
        String name = word.substring(2, equals < 0 ? word.length() : equals);
        String value = equals < 0 ? null : word.substring(equals + 1);
        Match match = match(name);
        switch (match.row.value()) {
            case NONE -> {
                if (value != null) {
                    throw new UsageException("option --" + name + " takes no value");
                }
            }
            case REQUIRED -> {
                if (value == null) {
                    if (next == words.length) {
                        throw new UsageException("option --" + name + " needs a value");
                    }
                    value = words[next++];
                }
            }
            case OPTIONAL -> {}
        }
        occurrences.add(new Occurrence(match.row, value, match.on));
        return next;
    }

    private int parseCluster(String[] words, int next, String word) {
        for (int at = 1; at < word.length(); at++) {
            char letter = word.charAt(at);
            Row row = OptionTable.lettered(letter);
            if (row == null) {
                throw new UsageException("unknown option -" + letter + " (in " + word + ")");
            }
            if (row.value() == Value.NONE) {
                occurrences.add(new Occurrence(row, null, true));
                continue;
            }
            String value = at + 1 < word.length() ? word.substring(at + 1) : null;
            if (value == null && row.value() == Value.REQUIRED) {
                if (next == words.length) {
                    throw new UsageException("option -" + letter + " needs a value");
                }
                value = words[next++];
            }
            occurrences.add(new Occurrence(row, value, true));
            break;
        }
        return next;
    }

    private record Match(Row row, boolean on) {
        String name() {
            return on ? row.name() : NEGATION + row.name();
        }
    }

    /** The option that this name, or an unambiguous beginning of one, means. */
    private static Match match(String given) {
        List<Match> starting = new ArrayList<>();
        List<Row> rows = OptionTable.rows();
        for (int i = 0; i < rows.size(); i++) {
            Row row = rows.get(i);
            if (row.name().equals(given)) {
                return new Match(row, true);
            }
            if (row.name().startsWith(given)) {
                starting.add(new Match(row, true));
            }
            if (row.value() == Value.NONE && given.startsWith("no")) {
                Match twin = new Match(row, false);
                String name = twin.name();
                if (name.equals(given)) {
                    return twin;
                }
                if (name.startsWith(given)) {
                    starting.add(twin);
                }
            }
        }
        if (starting.size() > 1) {
            dropOurs(starting);
        }
        if (starting.isEmpty() || given.isEmpty()) {
            throw new UsageException("unknown option --" + given);
        }
        if (starting.size() > 1) {
            StringBuilder text = new StringBuilder();
            for (Match candidate : starting) {
                text.append(" --").append(candidate.name());
            }
            throw new UsageException("option --" + given + " is ambiguous; it could be:" + text);
        }
        return starting.get(0);
    }

    /** An abbreviation that works with CRIU's options alone keeps its meaning. */
    private static void dropOurs(List<Match> candidates) {
        List<Match> theirs = new ArrayList<>();
        for (Match candidate : candidates) {
            if (!candidate.row.ours()) {
                theirs.add(candidate);
            }
        }
        if (theirs.size() == 1) {
            candidates.clear();
            candidates.addAll(theirs);
        }
    }

    /** The same options in the form that picocli reads without knowing getopt_long. */
    List<String> canonical() {
        List<String> words = new ArrayList<>();
        for (Occurrence occurrence : occurrences) {
            String name = occurrence.row.name();
            if (name.equals("verbosity")) {
                continue;
            }
            if (occurrence.row.value() == Value.NONE) {
                words.add(occurrence.on ? "--" + name : "--" + NEGATION + name);
            } else if (occurrence.value == null) {
                words.add("--" + name);
            } else {
                words.add("--" + name + "=" + occurrence.value);
            }
        }
        int verbosity = verbosity();
        if (verbosity >= 0) {
            words.add("--verbosity=" + verbosity);
        }
        words.add("--");
        words.addAll(positionals);
        return words;
    }

    /**
     * The level that all {@code -v} together ask for, at most 4, or -1 where there is none: a bare
     * {@code v} counts one, a number sets, and what is neither is 0 as atoi(3) has it.
     */
    int verbosity() {
        int level = -1;
        boolean counting = false;
        for (int i = 0; i < occurrences.size(); i++) {
            Occurrence occurrence = occurrences.get(i);
            if (occurrence.row.letter() != 'v') {
                continue;
            }
            String value = occurrence.value;
            if (value == null || value.startsWith("v")) {
                int count = 1;
                while (value != null && count <= value.length() && value.charAt(count - 1) == 'v') {
                    count++;
                }
                level = counting ? level + count : count;
                counting = true;
            } else {
                level = leadingNumber(value);
                counting = false;
            }
        }
        return Math.min(level, 4);
    }

    private static int leadingNumber(String text) {
        int number = 0;
        for (int i = 0; i < text.length(); i++) {
            char digit = text.charAt(i);
            if (digit < '0' || digit > '9') {
                break;
            }
            number = Math.min(number * 10 + digit - '0', 1000);
        }
        return number;
    }
}
