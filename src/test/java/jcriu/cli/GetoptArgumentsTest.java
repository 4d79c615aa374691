package jcriu.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class GetoptArgumentsTest {
    private static GetoptArguments parse(String line) {
        return new GetoptArguments().parse(line.split(" "));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // permutation
                "dump -t 5 -D d            | --tree=5 --images-dir=d -- dump",
                "-t 5 -D d dump            | --tree=5 --images-dir=d -- dump",
                "-t 5 dump -D d            | --tree=5 --images-dir=d -- dump",
                // values in the same word or the next
                "dump --tree 5             | --tree=5 -- dump",
                "dump --tree=5             | --tree=5 -- dump",
                "dump -t5                  | --tree=5 -- dump",
                "dump --tree=              | --tree= -- dump",
                "dump --tree -5            | --tree=-5 -- dump",
                "dump --external a=b       | --external=a=b -- dump",
                // abbreviations
                "dump --leave-r            | --leave-running -- dump",
                "dump --im=d               | --images-dir=d -- dump",
                "dump --tls                | --tls -- dump",
                "dump --track              | --track-mem -- dump",
                "dump --no-leave-r         | --no-leave-running -- dump",
                // clusters
                "restore -dj               | --restore-detached --shell-job -- restore",
                "restore -Ddir             | --images-dir=dir -- restore",
                "restore -dSDdir           | --restore-detached --restore-sibling --images-dir=dir"
                        + " -- restore",
                "restore -djD dir          | --restore-detached --shell-job --images-dir=dir"
                        + " -- restore",
                // optional values are never in the next word
                "dump --manage-cgroups soft | --manage-cgroups -- dump soft",
                "dump --manage-cgroups=soft | --manage-cgroups=soft -- dump",
                "dump --cpu-cap            | --cpu-cap -- dump",
                "dump --cpu-cap=none       | --cpu-cap=none -- dump",
                // twins
                "dump --shell-job --no-shell-job | --shell-job --no-shell-job -- dump",
                "dump --no-default-config  | --no-default-config -- dump",
                // the end of the options
                "restore --exec-cmd -- sh -c -v | --exec-cmd -- restore sh -c -v",
                "restore - -j              | --shell-job -- restore -",
            })
    void shouldReadWordsAsGetoptLongDoes(String line, String canonical) {
        assertEquals(List.of(canonical.split(" ")), parse(line).canonical());
    }

    @ParameterizedTest
    @CsvSource({
        "dump, -1",
        "-v, 1",
        "-vvvv, 4",
        "-vvvvvvv, 4",
        "-v4, 4",
        "-v9, 4",
        "-v0, 0",
        "-v -v -v, 3",
        "-v4 -v2, 2",
        "-verbosity=0, 0",
        "-verbosity=4, 0",
        "--verbosity=3, 3",
        "--verbosity, 1",
        "-v 4, 1",
        "-vd, 0",
    })
    void shouldReadTheVerbosity(String line, int level) {
        assertEquals(level, parse(line).verbosity());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "dump --leave           | --leave is ambiguous; it could be:"
                        + " --leave-stopped --leave-running",
                "dump --frobnicate      | unknown option --frobnicate",
                "dump --no-tree         | unknown option --no-tree",
                "dump --shell-job=yes   | option --shell-job takes no value",
                "dump --tree            | option --tree needs a value",
                "dump -t                | option -t needs a value",
                "dump -jx               | unknown option -x (in -jx)",
                "dump --=x              | unknown option --",
            })
    void shouldRefuseWhatIsNoOption(String line, String message) {
        UsageException failure = assertThrows(UsageException.class, () -> parse(line));
        assertTrue(failure.what().contains(message), failure.what());
    }

    @Test
    void shouldKeepWhatWasReadBeforeTheError() {
        GetoptArguments read = new GetoptArguments();
        assertThrows(UsageException.class, () -> read.parse("dump", "-o", "log", "--frobnicate"));
        assertEquals(List.of("--log-file=log", "--", "dump"), read.canonical());
    }

    @ParameterizedTest
    @ValueSource(strings = {"tree", "images-dir", "restore-detached", "shell-job", "log-file"})
    void shouldKnowEveryUniqueBeginningOfAName(String name) {
        OptionTable.Row row = OptionTable.named(name);
        String value = row.value() == OptionTable.Value.NONE ? "" : "=1";
        for (int length = name.length(); length > 0; length--) {
            String start = name.substring(0, length);
            long others =
                    OptionTable.rows().stream()
                            .filter(r -> !r.ours() && r.name().startsWith(start))
                            .count();
            if (others > 1) {
                assertThrows(UsageException.class, () -> parse("--" + start + value));
            } else {
                assertEquals(row, parse("--" + start + value).occurrences().get(0).row());
            }
        }
    }
}
