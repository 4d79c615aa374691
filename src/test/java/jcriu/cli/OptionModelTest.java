package jcriu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import jcriu.cli.OptionTable.Row;
import jcriu.cli.OptionTable.Stance;
import jcriu.cli.OptionTable.Value;
import jcriu.errors.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** The table, the annotated model and the documents say the same. */
final class OptionModelTest {
    private static Map<String, String> ofModel(Object annotated, Stance stance) {
        Map<String, String> rows = new TreeMap<>();
        for (OptionSpec option : CommandSpec.forAnnotatedObject(annotated).options()) {
            Value value =
                    option.arity().max() == 0
                            ? Value.NONE
                            : option.arity().min() == 0 ? Value.OPTIONAL : Value.REQUIRED;
            String letter = option.names().length == 1 ? "" : option.shortestName().substring(1);
            boolean twin = option.negatable() || option.usageHelp() || option.versionHelp();
            assertEquals(value == Value.NONE, twin, option.longestName());
            rows.put(option.longestName().substring(2), letter + " " + value + " " + stance);
        }
        return rows;
    }

    @Test
    void shouldHoldTheSameOptionsInTableAndModel() {
        Map<String, String> model = ofModel(new Arguments(), Stance.BUILT);
        model.putAll(ofModel(new OptionsWithoutEffect(), Stance.WITHOUT_EFFECT));
        model.putAll(ofModel(new RefusedOptions(), Stance.REFUSED));
        Map<String, String> table = new TreeMap<>();
        for (Row row : OptionTable.rows()) {
            String letter = row.letter() == 0 ? "" : String.valueOf(row.letter());
            table.put(row.name(), letter + " " + row.value() + " " + row.stance());
        }
        assertEquals(model, table);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "dump -t 5 -D d -W w -o l -v4 -j -R -l --link-remap --ghost-limit 3M",
                "dump -t 5 --timeout 7 --external a --external b --no-sync --unprivileged",
                "restore -d -S -s --pidfile p --status-fd 4 --inherit-fd fd[3]:x --display-stats",
                "pre-dump --track-mem --prev-images-dir ../1 --pre-dump-mode read --tracker digest",
                "restore --exec-cmd --action-script s --config c --no-default-config -- a -b c",
                "check --feature a --feature b --extra --experimental --all",
                "restore --no-shell-job -d --no-restore-detached -W a -W b",
                "dedup --dry-run -D d --no-dry-run --auto-dedup",
                "dedup --link --dry-run 1 2 3",
                "dump --tcp-established --manage-cgroups --cpu-cap=none --no-verify",
            })
    void shouldFillTheModelAsPicocliDoes(String line) throws IllegalAccessException {
        GetoptArguments read = new GetoptArguments().parse(line.split(" "));
        Arguments ours = new Arguments();
        ours.fill(read);
        Arguments theirs = new Arguments();
        new CommandLine(theirs)
                .setOverwrittenOptionsAllowed(true)
                .parseArgs(read.canonical().toArray(new String[0]));
        for (Field field : Arguments.class.getDeclaredFields()) {
            if (!field.getType().getName().startsWith("jcriu")) {
                assertEquals(field.get(theirs), field.get(ours), field.getName());
            }
        }
    }

    @Test
    void shouldDescribeEveryOptionInTheDocuments() throws IOException {
        String cli = Files.readString(Path.of("docs/cli.md"));
        String limits = Files.readString(Path.of("docs/limits.md"));
        int effectless = limits.indexOf("## Options that are accepted without effect");
        int refused = limits.indexOf("## Options that are refused");
        assertTrue(effectless >= 0 && refused > effectless);
        for (Row row : OptionTable.rows()) {
            String name = "--" + row.name() + "`";
            assertTrue(cli.contains(name), "docs/cli.md lacks " + row.name());
            if (row.stance() == Stance.WITHOUT_EFFECT) {
                assertTrue(limits.substring(effectless, refused).contains(name), row.name());
            } else if (row.stance() == Stance.REFUSED) {
                assertTrue(limits.substring(refused).contains(name), row.name());
            }
        }
        for (Kind kind : Kind.values()) {
            assertTrue(cli.contains("| " + kind.exitCode() + " | " + kind.description()));
        }
    }
}
