package jcriu.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SchemaTest {
    private static final Pattern OUTER_CLASS =
            Pattern.compile("option java_outer_classname = \"(\\w+)\";");

    private static List<FileDescriptor> files() throws Exception {
        List<Path> protos;
        try (Stream<Path> found = Files.list(Path.of("images-proto"))) {
            protos =
                    found.filter(file -> file.toString().endsWith(".proto"))
                            .filter(file -> !file.getFileName().toString().startsWith("jcriu-"))
                            .sorted()
                            .toList();
        }
        List<FileDescriptor> files = new ArrayList<>();
        for (Path proto : protos) {
            Matcher outer = OUTER_CLASS.matcher(Files.readString(proto));
            assertTrue(outer.find(), proto + " names no outer class");
            Class<?> generated = Class.forName("jcriu.image.proto." + outer.group(1));
            files.add((FileDescriptor) generated.getMethod("getDescriptor").invoke(null));
        }
        return files;
    }

    private static List<Descriptor> messages() throws Exception {
        List<Descriptor> messages = new ArrayList<>();
        for (FileDescriptor file : files()) {
            messages.addAll(file.getMessageTypes());
        }
        for (int i = 0; i < messages.size(); i++) {
            messages.addAll(messages.get(i).getNestedTypes());
        }
        return messages;
    }

    @Test
    void shouldHoldEveryMessageAndField() throws Exception {
        int enums = 0;
        for (FileDescriptor file : files()) {
            enums += file.getEnumTypes().size();
        }
        int fields = 0;
        for (Descriptor message : messages()) {
            fields += message.getFields().size();
        }
        assertEquals(76, files().size(), "files");
        assertEquals(173, messages().size(), "messages");
        assertEquals(1161, fields, "fields");
        assertEquals(16, enums, "top-level enums");
    }

    @Test
    void shouldNotPackNorNameAPackage() throws Exception {
        for (FileDescriptor file : files()) {
            assertEquals("", file.getPackage(), file.getName());
        }
        for (Descriptor message : messages()) {
            for (FieldDescriptor field : message.getFields()) {
                assertFalse(field.isPacked(), field.getFullName());
            }
        }
    }
}
