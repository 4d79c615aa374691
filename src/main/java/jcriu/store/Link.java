package jcriu.store;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import jcriu.errors.EnvironmentException;
import jcriu.errors.ImageFormatException;
import jcriu.errors.Interruption;
import jcriu.image.DiskSteps;
import jcriu.image.ImageDir;
import jcriu.progress.Progress;

/**
 * Makes one chain of several full dumps: what a dump has as the one before it has, at the same
 * place, is left to that one.
 *
 * <pre>
 *   first     a b c d e f            a b c d e f
 *   second    a B c d . f g    ->    ^ B ^ ^ . ^ g         ^: as in the parent
 *   third     a B C . . f g          ^ ^ C . . ^ ^
 * </pre>
 *
 * <p>All is compared before anything is changed. Then one dump after the other, beginning with the
 * second, gets its parent and smaller files ({@link LinkedDump}): each of them can be restored at
 * any time, as it was or as it will be.
 */
public final class Link {
    private final List<ImageDir> dumps;
    private final DiskSteps disk;

    private Link(List<ImageDir> dumps, DiskSteps disk) {
        this.dumps = dumps;
        this.disk = disk;
    }

    /**
     * Links dumps.
     *
     * @param dumps the oldest first; the first may have parents, others none but the one before
     * @param dryRun only says what would be given back
     * @throws ImageFormatException if one is damaged or unfinished; nothing has changed then
     * @throws EnvironmentException if they are not such a list; nothing has changed then
     */
    public static Dedup.Report run(List<ImageDir> dumps, DiskSteps disk, boolean dryRun) {
        Link link = new Link(dumps, disk);
        link.requireOrder();
        List<LinkedDump> changes = link.compare();
        List<Dedup.Given> given = new ArrayList<>();
        for (LinkedDump change : changes) {
            if (change.pages() > 0) {
                given.add(new Dedup.Given(change.directory(), change.pages()));
            }
            if (!dryRun && change.needed()) {
                Interruption.check();
                change.run();
            }
        }
        return new Dedup.Report(given, List.of());
    }

    /** Whether each of them has no parent yet, or the right one. */
    private void requireOrder() {
        Set<Path> seen = new HashSet<>();
        for (int i = 0; i < dumps.size(); i++) {
            ImageDir dump = dumps.get(i);
            Path real = Chain.real(dump.directory());
            if (!seen.add(real)) {
                throw refused(dump, "is named twice", "name each directory once");
            }
            Chain.of(dump);
            ChainRead.requireOwnParents(dump);
            if (i == 0) {
                continue;
            }
            Optional<ImageDir> parent = dump.parent();
            Path before = Chain.real(dumps.get(i - 1).directory());
            if (parent.isPresent() && !Chain.real(parent.get().directory()).equals(before)) {
                throw refused(
                        dump,
                        "has another parent already, "
                                + Chain.real(parent.get().directory())
                                + ", and not "
                                + before,
                        "name the directories of a chain in its order, the oldest first");
            }
            if (Chain.of(dumps.get(0)).members().containsKey(real)) {
                throw refused(
                        dump,
                        "is a parent of " + dumps.get(0).directory(),
                        "name the directories of a chain in its order, the oldest first");
            }
        }
    }

    private static EnvironmentException refused(ImageDir dump, String what, String hint) {
        return (EnvironmentException)
                new EnvironmentException("cannot link: " + dump.directory() + " " + what)
                        .withHint(hint);
    }

    /** What each dump but the first can leave to the one before it. */
    private List<LinkedDump> compare() {
        for (ImageDir dump : dumps) {
            for (PageTarget target : Chain.targets(dump)) {
                ChainRead.open(dump, target).ifPresent(ChainRead::close);
            }
        }
        List<LinkedDump> changes = new ArrayList<>();
        Progress.begin("compare pages", dumps.stream().skip(1).mapToLong(Link::bytes).sum());
        try {
            for (int i = 1; i < dumps.size(); i++) {
                ImageDir dump = dumps.get(i);
                ImageDir before = dumps.get(i - 1);
                Map<PageTarget, Runs> same = new LinkedHashMap<>();
                for (PageTarget target : Chain.targets(dump)) {
                    Runs pages = SamePages.of(dump, before, target);
                    if (!pages.isEmpty()) {
                        same.put(target, pages);
                    }
                }
                changes.add(new LinkedDump(dump, before, same, disk));
            }
        } finally {
            Progress.end();
        }
        return changes;
    }

    private static long bytes(ImageDir dump) {
        long bytes = 0;
        for (PageTarget target : Chain.targets(dump)) {
            bytes += Pagemap.read(dump, target.type(), target.id()).orElseThrow().presentBytes();
        }
        return bytes;
    }
}
