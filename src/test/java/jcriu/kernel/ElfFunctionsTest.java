package jcriu.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import jcriu.CCompiler;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A shared object, as a compiler makes it, read back; nm(1) says the same. */
class ElfFunctionsTest {
    @TempDir private Path scratch;

    private Path object(String hashStyle) throws IOException {
        Path source = scratch.resolve("some.c");
        Files.writeString(
                source,
                "int data = 1; int one(void) { return data; } int two(void) { return 2; }\n"
                        + "int same(void) __attribute__((weak, alias(\"two\")));\n"
                        + "static int hidden(void) { return 3; } int (*there)(void) = hidden;\n"
                        + "extern int elsewhere(void); int three(void) { return elsewhere(); }\n");
        Path object = scratch.resolve("some.so");
        CCompiler.run(
                List.of(
                        "gcc",
                        "-shared",
                        "-fPIC",
                        "-nostdlib",
                        "-Wl,-z,noseparate-code",
                        "-Wl,--hash-style=" + hashStyle,
                        "-o",
                        object.toString(),
                        source.toString()));
        return object;
    }

    @ParameterizedTest
    @ValueSource(strings = {"gnu", "sysv", "both"})
    void shouldFindTheFunctions(String hashStyle) throws IOException {
        Path object = object(hashStyle);
        Map<String, Integer> expected = new TreeMap<>();
        for (String line :
                CCompiler.run(List.of("nm", "-D", "--defined-only", object.toString()))
                        .split("\n")) {
            String[] words = line.split(" ");
            if (words[1].equals("T") || words[1].equals("W")) {
                expected.put(words[2], Integer.parseInt(words[0], 16));
            }
        }
        assertEquals(4, expected.size());
        assertEquals(expected, ElfFunctions.of(Files.readAllBytes(object)));
    }

    @Test
    void shouldRefuseWhatIsNone() {
        for (int length : new int[] {0, 3, 64, 4096}) {
            assertThrows(IllegalArgumentException.class, () -> ElfFunctions.of(new byte[length]));
        }
    }

    @Test
    void shouldReadOrRefuseWhatIsDamaged() throws IOException {
        byte[] good = Files.readAllBytes(object("both"));
        Random random = new Random(1);
        int refused = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] bad =
                    i % 4 == 0 ? Arrays.copyOf(good, random.nextInt(good.length)) : good.clone();
            for (int n = 0; n < 1 + random.nextInt(8) && bad.length > 0; n++) {
                // headers, tables and names are at the beginning
                bad[random.nextInt(Math.min(bad.length, 1024))] = (byte) random.nextInt();
            }
            try {
                ElfFunctions.of(bad).values().forEach(offset -> Arrays.copyOf(bad, offset));
            } catch (IllegalArgumentException e) {
                refused++;
            }
        }
        assertEquals(true, refused > 100, refused + " were refused");
    }
}
