package jcriu.resource;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.proto.jcriu_file;

/** What CRIU's messages for open files have no field for, in an image of our own. */
final class FileExtras {
    private final Map<Integer, jcriu_file.Builder> files = new TreeMap<>();

    /** The extras of a file of a dump, made at the first call. */
    jcriu_file.Builder of(int id) {
        return files.computeIfAbsent(id, i -> jcriu_file.newBuilder().setId(i));
    }

    void write(ImageDir images) {
        if (!files.isEmpty()) {
            try (ImageWriter out = images.writer(ImageType.JCRIU_FILES)) {
                files.values().forEach(file -> out.write(file.build()));
            }
        }
    }

    /** The extras of an image, by file id; none in an image that another tool wrote. */
    static Map<Integer, jcriu_file> read(ImageDir images) {
        Map<Integer, jcriu_file> files = new HashMap<>();
        try (ImageReader in = images.reader(ImageType.JCRIU_FILES)) {
            for (jcriu_file file : in.readAll(jcriu_file.parser())) {
                files.put(file.getId(), file);
            }
        }
        return files;
    }
}
