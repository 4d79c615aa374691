package jcriu.restore;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the fuzzer found before stays found; and a fixed row of inputs, the same in each run. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ImageFuzzTest {
    private static final Path CORPUS = Path.of("src/test/resources/fuzz/corpus");
    private static final int ROUNDS = 3000;

    @Test
    void shouldReadOrRefuseEveryInputOfTheCorpus() throws IOException {
        List<Path> inputs;
        try (Stream<Path> files = Files.list(CORPUS)) {
            inputs = files.sorted().toList();
        }
        assertTrue(inputs.size() > 10, "the corpus is not where it should be");
        for (Path input : inputs) {
            check(Files.readAllBytes(input), input.toString());
        }
    }

    @Test
    void shouldReadOrRefuseRandomChanges() throws IOException {
        Random random = new Random(7);
        Set<String> refusals = new HashSet<>();
        int read = 0;
        for (int i = 0; i < ROUNDS; i++) {
            byte[] input = new byte[2 + random.nextInt(30)];
            random.nextBytes(input);
            String refusal = check(input, "round " + i);
            if (refusal == null) {
                read++;
            } else {
                refusals.add(refusal.replaceAll("[0-9]+", "N"));
            }
        }
        assertTrue(read > ROUNDS / 20, "only " + read + " inputs left the images readable");
        assertTrue(refusals.size() > 50, "only these refusals were met: " + refusals);
    }

    private static String check(byte[] input, String name) throws IOException {
        try {
            return ImageFuzz.run(input).orElse(null);
        } catch (RuntimeException | Error e) {
            return fail(name + ", input " + ImageFuzz.describe(input) + ": " + e, e);
        }
    }
}
