package jcriu.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.pstree_entry;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Images that CRIU 4.2 wrote; src/test/resources/sample-images/README.md says what of. */
class SampleImagesTest {
    private static final Path SAMPLES = Path.of("src/test/resources/sample-images");

    @TempDir Path temporary;

    static List<Path> images() throws IOException {
        try (Stream<Path> files = Files.walk(SAMPLES, 2)) {
            return files.filter(file -> SAMPLES.relativize(file).getNameCount() == 2)
                    .sorted()
                    .toList();
        }
    }

    @Test
    void shouldFindTheSamples() throws IOException {
        assertEquals(80, images().size());
    }

    @ParameterizedTest
    @MethodSource("images")
    void shouldEncodeWhatWasDecodedByteForByte(Path image) throws IOException {
        String name = image.getFileName().toString();
        ImageType type = ImageType.ofFileName(name);
        assertNotNull(type, name + " is of no known kind");
        Path copy = temporary.resolve(name);
        try (ImageReader in = new ImageReader(image, type);
                ImageWriter out = new ImageWriter(copy, type)) {
            ImageCodec.copy(type, in, out);
            assertEquals(Files.size(image), in.position());
        }
        assertArrayEquals(Files.readAllBytes(image), Files.readAllBytes(copy));
    }

    @Test
    void shouldGiveTheFieldsOfADump() {
        ImageDir images = new ImageDir(SAMPLES.resolve("shared-memory-pair"));
        assertTrue(images.isComplete());
        assertTrue(images.parent().isEmpty());
        assertEquals(2, images.inventory().getImgVersion());
        try (ImageReader in = images.reader(ImageType.PSTREE)) {
            List<pstree_entry> tasks = in.readAll(pstree_entry.parser());
            assertEquals(2, tasks.size());
            assertEquals(tasks.get(0).getPid(), tasks.get(1).getPpid());
        }
        try (ImageReader in = images.reader(ImageType.CORE, 6948)) {
            core_entry core = in.requireOne(core_entry.parser());
            assertEquals(TaskState.ALIVE, core.getTc().getTaskState());
            assertEquals(62, core.getTc().getSigactionsCount());
        }
    }

    @Test
    void shouldNotTakeAPartOfADumpForADump() {
        ImageDir images = new ImageDir(temporary);
        assertFalse(images.isComplete());
        images.complete(inventory_entry.newBuilder().setImgVersion(2).build());
        assertTrue(images.isComplete());
    }
}
