package jcriu.restore;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;

/**
 * Sets of images to damage: those that CRIU wrote, and dumps of testees by jcriu, zipped, with
 * zeroes for the content of pages.
 */
final class GoodImages {
    private static final Path SAMPLES = Path.of("src/test/resources/sample-images");
    private static final Path TREES = Path.of("src/test/resources/fuzz/trees");

    private GoodImages() {}

    /** Content by file name, by name of the set. */
    static Map<String, Map<String, byte[]>> all() throws IOException {
        Map<String, Map<String, byte[]>> all = new LinkedHashMap<>();
        for (Path sample : list(SAMPLES)) {
            if (Files.isDirectory(sample)) {
                Map<String, byte[]> images = new TreeMap<>();
                for (Path file : list(sample)) {
                    images.put(file.getFileName().toString(), Files.readAllBytes(file));
                }
                all.put(sample.getFileName().toString(), images);
            }
        }
        for (Path tree : list(TREES)) {
            String name = tree.getFileName().toString().replace(".zip", "");
            all.put(name, read(name));
        }
        return all;
    }

    /** One of our own dumps. */
    static Map<String, byte[]> read(String name) throws IOException {
        Map<String, byte[]> images = new TreeMap<>();
        try (InputStream file = Files.newInputStream(TREES.resolve(name + ".zip"));
                ZipInputStream zip = new ZipInputStream(file)) {
            ZipEntry entry;
            while ((entry = zip.getNextEntry()) != null) {
                images.put(entry.getName(), zip.readAllBytes());
            }
        }
        return images;
    }

    private static List<Path> list(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.sorted().toList();
        }
    }
}
