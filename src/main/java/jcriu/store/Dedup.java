package jcriu.store;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.DiskSteps;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;

/**
 * Takes out of the parents of a checkpoint what it does not need of them.
 *
 * <pre>
 *   newest     DDDDD   PPPPPPPPPPPP   DD       D: in this pages file   P: in the parent
 *   parent     .....   DDD  PPPP DD            .: taken out; the file keeps its size
 *   oldest             ...  DDDD
 * </pre>
 *
 * <p>What counts is what can still be wanted: the newest checkpoint, the newest one that is no
 * pre-dump, and other branches that stand beside the chain keep all that they need. A page that the
 * newest leaves to a page server (lazy only) keeps its older copies.
 *
 * <p>The order makes it safe to be cut short: what is kept is on the disk; then each directory gets
 * a record of what will leave it ({@link Superseded}), on the disk, too; then the pages go. Run
 * again it does what is left.
 */
public final class Dedup {
    /**
     * What a directory gave back.
     *
     * @param pages that took space before
     */
    public record Given(Path directory, long pages) {
        public long bytes() {
            return pages * PagemapRun.PAGE_SIZE;
        }
    }

    /**
     * All that there is to tell.
     *
     * @param given newest first; only directories that gave something
     * @param notes what could not be done, and why
     */
    public record Report(List<Given> given, List<String> notes) {
        public long pages() {
            return given.stream().mapToLong(Given::pages).sum();
        }

        public long bytes() {
            return pages() * PagemapRun.PAGE_SIZE;
        }
    }

    /** What is to leave one pages file. */
    private record Cut(PageTarget target, Runs pages, Path file, Runs offsets, Runs data) {}

    private final Chain chain;
    private final HolePunch disk;
    private final Map<Path, Map<PageTarget, Runs>> kept = new HashMap<>();
    private final Map<Path, Optional<Superseded>> records = new HashMap<>();
    private final List<String> notes = new ArrayList<>();
    private boolean restored;

    private Dedup(ImageDir newest, HolePunch disk) {
        this.chain = Chain.of(newest);
        this.disk = disk;
    }

    /**
     * Takes out of the parents of {@code newest} what it supersedes.
     *
     * @param dryRun only says what would be done
     * @throws ImageFormatException if the chain is damaged; nothing has changed then
     */
    public static Report run(ImageDir newest, HolePunch disk, boolean dryRun) {
        Dedup dedup = new Dedup(newest, disk);
        dedup.keepTips();
        dedup.keepBranches();
        return dedup.give(dryRun);
    }

    /**
     * Takes a checkpoint that has been restored out of its images and those of its parents. What
     * another checkpoint needs stays: older dumps of the chain that can be restored, and branches.
     *
     * @throws ImageFormatException if the chain is damaged; nothing has changed then
     */
    public static Report consume(ImageDir restored, HolePunch disk) {
        Dedup dedup = new Dedup(restored, disk);
        dedup.restored = true;
        dedup.keepOlder();
        dedup.keepBranches();
        return dedup.give(false);
    }

    /** What the chain itself is for. Anything wrong with it ends it here. */
    private void keepTips() {
        Collection<ImageDir> members = chain.members().values();
        Set<ImageDir> tips = new LinkedHashSet<>();
        tips.add(members.iterator().next());
        members.stream().filter(images -> !isPreDump(images)).findFirst().ifPresent(tips::add);
        for (ImageDir tip : tips) {
            keep(tip, kept);
        }
    }

    /** Older dumps that can be restored. */
    private void keepOlder() {
        chain.members().values().stream()
                .skip(1)
                .filter(images -> !isPreDump(images))
                .forEach(images -> needsOf(images).ifPresent(this::keep));
    }

    private static boolean isPreDump(ImageDir images) {
        return images.inventory().hasPreDumpMode();
    }

    /** A branch that is whole keeps what it needs; of one that is not, nothing can be lost. */
    private void keepBranches() {
        ImageDir ours = chain.members().values().iterator().next();
        for (Path branch : chain.branches()) {
            Map<Path, Map<PageTarget, Runs>> needs = new HashMap<>();
            try {
                keep(ours.other(branch), needs);
            } catch (JcriuException e) {
                if (e.kind() != Kind.IMAGE && e.kind() != Kind.RESTORE_REFUSED) {
                    throw e;
                }
                notes.add(branch + " is not considered: " + e.what());
                continue;
            }
            keep(needs);
        }
    }

    private void keep(Map<Path, Map<PageTarget, Runs>> needs) {
        needs.forEach(
                (directory, targets) ->
                        targets.forEach((target, runs) -> keep(kept, directory, target, runs)));
    }

    /** What a member of the chain needs; nothing if it is not whole, and says so itself. */
    private Optional<Map<Path, Map<PageTarget, Runs>>> needsOf(ImageDir member) {
        Map<Path, Map<PageTarget, Runs>> needs = new HashMap<>();
        try {
            keep(member, needs);
            return Optional.of(needs);
        } catch (ImageFormatException e) {
            return Optional.empty();
        }
    }

    private static void keep(
            Map<Path, Map<PageTarget, Runs>> kept, Path directory, PageTarget target, Runs runs) {
        kept.computeIfAbsent(directory, path -> new HashMap<>()).merge(target, runs, Runs::or);
    }

    private void keep(ImageDir tip, Map<Path, Map<PageTarget, Runs>> into) {
        List<Map.Entry<Path, ImageDir>> layers = List.copyOf(Chain.of(tip).members().entrySet());
        for (PageTarget target : Chain.targets(tip)) {
            keep(layers, target, into);
        }
    }

    /**
     * Walks down the layers with the pages that are wanted: what is here is kept, what is left to
     * the parent is wanted there. What a page server was to bring is wanted, too, but need not be
     * there.
     */
    private void keep(
            List<Map.Entry<Path, ImageDir>> layers,
            PageTarget target,
            Map<Path, Map<PageTarget, Runs>> into) {
        Runs needed = null;
        Runs perhaps = new Runs();
        for (Map.Entry<Path, ImageDir> layer : layers) {
            ImageDir images = layer.getValue();
            Optional<Pagemap> pagemap = Pagemap.read(images, target.type(), target.id());
            Kinds kinds = pagemap.map(Kinds::of).orElse(Kinds.NONE);
            if (needed == null) {
                needed = kinds.present.or(kinds.parent);
                perhaps = kinds.lazyOnly;
            }
            Optional<Superseded> record = record(layer.getKey(), images);
            Runs gone = record.map(r -> r.of(target)).orElse(new Runs()).and(kinds.present);
            Runs lost = needed.and(gone);
            if (!lost.isEmpty()) {
                throw record.get().refusal(images, target, lost.start(0));
            }
            Runs missing = needed.minus(kinds.present).minus(kinds.parent);
            if (!missing.isEmpty()) {
                throw new ImageFormatException(
                        images.directory().resolve(target.fileName()).toString(),
                        -1,
                        "pages from 0x"
                                + Long.toHexString(missing.start(0))
                                + " on are in no parent image");
            }
            Runs wanted = needed.or(perhaps);
            keep(into, layer.getKey(), target, kinds.present.minus(gone).and(wanted));
            perhaps = kinds.lazyOnly.and(wanted).or(kinds.parent.and(perhaps));
            needed = needed.and(kinds.parent);
            if (needed.isEmpty() && perhaps.isEmpty()) {
                return;
            }
        }
        // that there is a parent where one is needed, Pagemap.read has checked
    }

    /** The runs of a pagemap by where their content is. */
    private record Kinds(Runs present, Runs parent, Runs lazyOnly) {
        static final Kinds NONE = new Kinds(new Runs(), new Runs(), new Runs());

        static Kinds of(Pagemap pagemap) {
            Kinds kinds = new Kinds(new Runs(), new Runs(), new Runs());
            for (PagemapRun run : pagemap.runs()) {
                Runs into =
                        run.present()
                                ? kinds.present
                                : run.inParent() ? kinds.parent : kinds.lazyOnly;
                into.add(run.vaddr(), run.end());
            }
            return kinds;
        }
    }

    private Optional<Superseded> record(Path directory, ImageDir images) {
        return records.computeIfAbsent(directory, path -> Superseded.read(images));
    }

    /** Everything that is not kept goes. */
    private Report give(boolean dryRun) {
        Map<Path, List<Cut>> cuts = new LinkedHashMap<>();
        List<Given> given = new ArrayList<>();
        chain.members()
                .forEach(
                        (directory, images) -> {
                            List<Cut> here = cuts(directory, images);
                            if (!here.isEmpty()) {
                                cuts.put(directory, here);
                                long bytes = here.stream().mapToLong(c -> c.data.bytes()).sum();
                                if (bytes > 0) {
                                    given.add(
                                            new Given(
                                                    images.directory(),
                                                    bytes / PagemapRun.PAGE_SIZE));
                                }
                            }
                        });
        if (!dryRun && !cuts.isEmpty()) {
            if (!restored) {
                chain.members().values().forEach(images -> images.syncContent(disk));
            }
            addLost(cuts);
            cuts.forEach(this::note);
            cuts.values().forEach(here -> here.forEach(this::punch));
        }
        return new Report(given, List.copyOf(notes));
    }

    /** Members that lose nothing themselves, but need what others lose. */
    private void addLost(Map<Path, List<Cut>> cuts) {
        for (Map.Entry<Path, ImageDir> member : chain.members().entrySet()) {
            if (cuts.containsKey(member.getKey())
                    || record(member.getKey(), member.getValue()).isPresent()) {
                continue;
            }
            Map<Path, Map<PageTarget, Runs>> needs = needsOf(member.getValue()).orElse(Map.of());
            boolean lost =
                    cuts.entrySet().stream()
                            .anyMatch(cut -> needsAny(needs.get(cut.getKey()), cut.getValue()));
            if (lost) {
                cuts.put(member.getKey(), List.of());
            }
        }
    }

    private static boolean needsAny(Map<PageTarget, Runs> needs, List<Cut> cuts) {
        return needs != null
                && cuts.stream()
                        .anyMatch(
                                cut ->
                                        !needs.getOrDefault(cut.target, new Runs())
                                                .and(cut.pages)
                                                .isEmpty());
    }

    private List<Cut> cuts(Path directory, ImageDir images) {
        List<Cut> cuts = new ArrayList<>();
        Map<PageTarget, Runs> keep = kept.getOrDefault(directory, Map.of());
        boolean told = false;
        for (PageTarget target : Chain.targets(images)) {
            Pagemap pagemap = Pagemap.read(images, target.type(), target.id()).orElseThrow();
            Runs pages = Kinds.of(pagemap).present.minus(keep.getOrDefault(target, new Runs()));
            if (pages.isEmpty()) {
                continue;
            }
            Path file = images.path(ImageType.PAGES, pagemap.pagesId());
            if (!disk.supported(file)) {
                if (!told) {
                    notes.add(
                            directory
                                    + ": its file system cannot give back parts of a file;"
                                    + " the pages stay");
                }
                told = true;
                continue;
            }
            if (links(file) > 1) {
                notes.add(file + " has more than one name, and stays whole for the others");
                continue;
            }
            Runs offsets = offsets(pagemap, pages);
            cuts.add(new Cut(target, pages, file, offsets, disk.data(file, offsets)));
        }
        return cuts;
    }

    private static int links(Path file) {
        try {
            return (Integer) Files.getAttribute(file, "unix:nlink", LinkOption.NOFOLLOW_LINKS);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + file + ": " + e, e);
        }
    }

    /** Where pages are in their file. */
    static Runs offsets(Pagemap pagemap, Runs pages) {
        Runs offsets = new Runs();
        int at = 0;
        for (PagemapRun run : pagemap.runs()) {
            if (!run.present()) {
                continue;
            }
            while (at < pages.size() && pages.end(at) <= run.vaddr()) {
                at++;
            }
            for (int i = at; i < pages.size() && pages.start(i) < run.end(); i++) {
                long start = Math.max(pages.start(i), run.vaddr());
                long end = Math.min(pages.end(i), run.end());
                long offset = run.pagesOffset() - run.vaddr();
                offsets.add(start + offset, end + offset);
            }
        }
        return offsets;
    }

    /** Records what is about to leave a directory, unless it is recorded already. */
    private void note(Path directory, List<Cut> cuts) {
        ImageDir images = chain.members().get(directory);
        Optional<Superseded> before = record(directory, images);
        Map<PageTarget, Runs> all =
                new LinkedHashMap<>(before.map(Superseded::pages).orElse(Map.of()));
        boolean more = before.isEmpty();
        for (Cut cut : cuts) {
            Runs known = all.getOrDefault(cut.target, new Runs());
            more |= !cut.pages.minus(known).isEmpty();
            all.put(cut.target, known.or(cut.pages));
        }
        if (more) {
            String by = directory.relativize(chain.newest()).toString();
            new Superseded(by.isEmpty() ? "." : by, restored, all).write(images, disk);
        }
    }

    private void punch(Cut cut) {
        if (!cut.data.isEmpty()) {
            disk.before(DiskSteps.Step.PUNCH);
            disk.punch(cut.file, cut.data);
        }
    }
}
