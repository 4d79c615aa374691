package jcriu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** A package may use only packages of earlier rows; DENY takes more away, each with its reason. */
class LayeringTest {
    private static final List<Set<String>> LAYERS =
            List.of(
                    Set.of("errors", "progress"),
                    Set.of("kernel"),
                    Set.of("sys", "image"),
                    Set.of("proc", "store"),
                    Set.of("tracee"),
                    Set.of("memory"),
                    Set.of("resource"),
                    Set.of("dump", "restore", "inspect", "check"),
                    Set.of("cli"));

    private record Deny(Set<String> from, Set<String> to, String why) {}

    private static final List<Deny> DENY =
            List.of(
                    new Deny(
                            Set.of("image", "store", "inspect"),
                            Set.of("sys", "proc", "tracee", "memory", "resource"),
                            "images must be readable on any machine, without native calls or"
                                    + " privileges"));

    private static final Path ROOT = Path.of("src/main/java/jcriu");

    /** An import or a full name; {@code jcriu.image.proto.x} counts as image. */
    private static final Pattern USE = Pattern.compile("\\bjcriu\\.([a-z]\\w*)\\.[\\w*]");

    private static final Pattern COMMENT = Pattern.compile("/\\*.*?\\*/|//[^\n]*", Pattern.DOTALL);
    private static final Pattern STRING = Pattern.compile("\"(\\\\.|[^\"\\\\\n])*\"");

    private static int layer(String name) {
        for (int i = 0; i < LAYERS.size(); i++) {
            if (LAYERS.get(i).contains(name)) {
                return i;
            }
        }
        throw new AssertionError("package " + name + " is in no layer: add it to LAYERS");
    }

    /** The packages of ours that a source uses. */
    private static Set<String> uses(String source) {
        // strings first: one may look like a comment, e.g. "//"
        String code = STRING.matcher(source).replaceAll("\"\"");
        code = COMMENT.matcher(code).replaceAll("");
        code = code.replaceFirst("(?m)^package .*;", "");
        Set<String> uses = new TreeSet<>();
        Matcher use = USE.matcher(code);
        while (use.find()) {
            uses.add(use.group(1));
        }
        return uses;
    }

    private static List<String> faults(String file, String from, String source) {
        List<String> faults = new ArrayList<>();
        for (String to : uses(source)) {
            if (to.equals(from)) {
                continue;
            }
            if (layer(to) >= layer(from)) {
                faults.add(file + " uses " + to + ": lower packages never use upper ones");
            }
            for (Deny deny : DENY) {
                if (deny.from().contains(from) && deny.to().contains(to)) {
                    faults.add(file + " uses " + to + ": " + deny.why());
                }
            }
        }
        return faults;
    }

    @Test
    void shouldOnlyUseLowerPackages() throws IOException {
        List<Path> sources;
        try (Stream<Path> files = Files.walk(ROOT)) {
            sources = files.filter(file -> file.toString().endsWith(".java")).sorted().toList();
        }
        assertTrue(sources.size() > 10, "run in the project's root");
        List<String> faults = new ArrayList<>();
        for (Path source : sources) {
            Path file = ROOT.relativize(source);
            String from = file.getName(0).toString();
            faults.addAll(faults(file.toString(), from, Files.readString(source)));
        }
        assertEquals(List.of(), faults, String.join("\n", faults));
    }

    @Test
    void shouldNoticeForbiddenUses() {
        String sys = "package jcriu.store;\nimport static jcriu.sys.Native.call;\n";
        assertEquals(1, faults("A.java", "store", sys).size());
        String cli = "package jcriu.dump;\nclass A { jcriu.cli.Main main; }\n";
        assertEquals(1, faults("A.java", "dump", cli).size());
        String same = "package jcriu.sys;\nimport jcriu.image.ImageDir;\n";
        assertEquals(1, faults("A.java", "sys", same).size());
    }

    @Test
    void shouldAllowLowerUsesAndMentions() {
        String fine =
                "package jcriu.store;\n"
                        + "import jcriu.image.proto.pagemap_head;\n"
                        + "import jcriu.errors.*;\n"
                        + "/** See {@link jcriu.memory.PagesIn}. */\n"
                        + "class A { String s = \"// jcriu.cli.Main\"; }\n";
        assertEquals(List.of(), faults("A.java", "store", fine));
    }
}
