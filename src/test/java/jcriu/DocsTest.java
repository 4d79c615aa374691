package jcriu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What messages and documents point to is there. */
class DocsTest {
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ +(.+?)\\s*$");
    private static final Pattern IN_SOURCE = Pattern.compile("docs/([\\w-]+\\.md)#([\\w-]+)");
    private static final Pattern ADR = Pattern.compile("docs/adr/(\\d{4})");

    /** The last argument of {@code refuse} is the section where the hint is put together. */
    private static final Pattern SECTION =
            Pattern.compile("refuse\\(file,[^;]*?\"([a-z-]+)\"\\s*\\)");

    private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:\\s]*)(?:#([\\w-]+))?\\)");

    private static List<Path> files(String directory, String suffix) throws IOException {
        try (Stream<Path> all = Files.walk(Path.of(directory))) {
            return all.filter(file -> file.toString().endsWith(suffix)).sorted().toList();
        }
    }

    /** Anchors of the headings, as they are made from their text. */
    private static Set<String> anchors(Path document) throws IOException {
        Set<String> anchors = new TreeSet<>();
        Matcher heading = HEADING.matcher(Files.readString(document));
        while (heading.find()) {
            String text = heading.group(1).toLowerCase(Locale.ROOT);
            anchors.add(text.replaceAll("[^\\w -]", "").replace(' ', '-'));
        }
        return anchors;
    }

    private static void requireAnchor(Path document, String anchor, Path from, List<String> faults)
            throws IOException {
        if (!Files.exists(document)) {
            faults.add(from + " mentions " + document + ", which is missing");
        } else if (anchor != null && !anchors(document).contains(anchor)) {
            faults.add(from + " mentions " + document + "#" + anchor + ", which is no heading");
        }
    }

    @Test
    void shouldHaveEverySectionThatMessagesMention() throws IOException {
        List<String> faults = new ArrayList<>();
        int mentions = 0;
        for (Path source : files("src/main/java", ".java")) {
            // strings that are put together over lines
            String text = Files.readString(source).replaceAll("\"\\s*\\+\\s*\"", "");
            Matcher mention = IN_SOURCE.matcher(text);
            while (mention.find()) {
                mentions++;
                requireAnchor(Path.of("docs", mention.group(1)), mention.group(2), source, faults);
            }
            if (text.contains("docs/limits.md#\" + section")) {
                Matcher section = SECTION.matcher(text);
                while (section.find()) {
                    mentions++;
                    requireAnchor(Path.of("docs/limits.md"), section.group(1), source, faults);
                }
            }
            Matcher adr = ADR.matcher(text);
            while (adr.find()) {
                String number = adr.group(1);
                if (files("docs/adr", ".md").stream()
                        .noneMatch(file -> file.getFileName().toString().startsWith(number))) {
                    faults.add(source + " mentions docs/adr/" + number + ", which is missing");
                }
            }
        }
        assertTrue(mentions > 15, "only " + mentions + " mentions found: has their form changed?");
        assertEquals(List.of(), faults);
    }

    @Test
    void shouldHaveEveryDocumentThatDocumentsLinkTo() throws IOException {
        List<Path> documents = new ArrayList<>(files("docs", ".md"));
        documents.add(Path.of("README.md"));
        documents.add(Path.of("CONTRIBUTING.md"));
        List<String> faults = new ArrayList<>();
        for (Path document : documents) {
            Matcher link = LINK.matcher(Files.readString(document));
            while (link.find()) {
                Path target =
                        link.group(1).isEmpty()
                                ? document
                                : document.toAbsolutePath()
                                        .resolveSibling(link.group(1))
                                        .normalize();
                requireAnchor(target, link.group(2), document, faults);
            }
        }
        assertEquals(List.of(), faults);
    }
}
