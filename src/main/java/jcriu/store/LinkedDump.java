package jcriu.store;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.DiskSteps;
import jcriu.image.FileDigest;
import jcriu.image.FileRecord;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.Manifest;
import jcriu.image.PagemapFlags;
import jcriu.image.proto.jcriu_linking;
import jcriu.image.proto.jcriu_manifest;

/**
 * Leaves pages of one dump to another, which becomes its parent.
 *
 * <p>The pages of a pagemap stand in its pages file without gaps, so none can be taken out: a new
 * pages file is written beside the old one, with the pages that stay, and a new pagemap, which
 * names it, is renamed into the place of the old; then the old file goes. Each pagemap is whole at
 * any time, with the one file or the other.
 *
 * <p>The order, each step on the disk before the next: both dumps; {@code jcriu-linking.img}, with
 * the numbers of the pages files that may be left over; the link to the parent; a manifest that
 * does not list the files that change; the files; a manifest that lists them again. {@code
 * jcriu-linking.img} goes last: where it is, there is something left to do.
 */
final class LinkedDump {
    private static final Set<ImageType> CHANGING =
            Set.of(
                    ImageType.PAGEMAP,
                    ImageType.SHMEM_PAGEMAP,
                    ImageType.PAGES,
                    ImageType.JCRIU_DIGESTS);
    private static final int CHUNK = 256 << 10;

    private final ImageDir images;
    private final ImageDir parent;
    private final Map<PageTarget, Runs> same;
    private final DiskSteps disk;

    /** By the numbers of pages files, how many pagemaps name them. */
    private final Map<Integer, Integer> named = new HashMap<>();

    private final Set<Integer> mayBeLeft = new TreeSet<>();

    /**
     * @param same pages that the parent has, too
     */
    LinkedDump(ImageDir images, ImageDir parent, Map<PageTarget, Runs> same, DiskSteps disk) {
        this.images = images;
        this.parent = parent;
        this.same = same;
        this.disk = disk;
    }

    Path directory() {
        return images.directory();
    }

    /** How many pages it gives back. */
    long pages() {
        return same.values().stream().mapToLong(Runs::bytes).sum() / PagemapRun.PAGE_SIZE;
    }

    /** Whether there is anything to do, or left to do since it was cut short. */
    boolean needed() {
        return !same.isEmpty() || images.exists(ImageType.JCRIU_LINKING);
    }

    void run() {
        parent.syncContent(disk);
        images.syncContent(disk);
        for (PageTarget target : Chain.targets(images)) {
            named.merge(pagemap(target).pagesId(), 1, Integer::sum);
        }
        if (images.exists(ImageType.JCRIU_LINKING)) {
            try (ImageReader in = images.reader(ImageType.JCRIU_LINKING)) {
                mayBeLeft.addAll(in.requireOne(jcriu_linking.parser()).getPagesIdList());
            }
            mayBeLeft.forEach(this::removeUnlessNamed);
        }
        Map<PageTarget, Integer> newIds = newIds();
        same.keySet().forEach(target -> mayBeLeft.add(pagemap(target).pagesId()));
        mayBeLeft.addAll(newIds.values());
        jcriu_linking record = jcriu_linking.newBuilder().addAllPagesId(mayBeLeft).build();
        images.replace(ImageType.JCRIU_LINKING, out -> out.write(record), disk);
        link();
        Optional<Manifest> manifest = Manifest.read(images).map(this::withoutChanging);
        manifest.ifPresent(m -> m.replace(images, disk));
        same.forEach((target, pages) -> rewrite(target, pages, newIds.get(target)));
        sync();
        manifest.ifPresent(m -> complete(m).replace(images, disk));
        remove(images.path(ImageType.JCRIU_LINKING));
        sync();
    }

    private Pagemap pagemap(PageTarget target) {
        return Pagemap.read(images, target.type(), target.id()).orElseThrow();
    }

    private void sync() {
        disk.before(DiskSteps.Step.SYNC);
        images.syncDirectory();
    }

    /** Numbers of pages files that there are none of. */
    private Map<PageTarget, Integer> newIds() {
        Set<Long> taken = new TreeSet<>(images.ids(ImageType.PAGES));
        taken.addAll(images.ids(ImageType.JCRIU_DIGESTS));
        named.keySet().forEach(id -> taken.add(Integer.toUnsignedLong(id)));
        Map<PageTarget, Integer> ids = new HashMap<>();
        long id = 0;
        for (PageTarget target : same.keySet()) {
            do {
                id++;
            } while (taken.contains(id));
            ids.put(target, (int) id);
        }
        return ids;
    }

    private void link() {
        if (images.parent().isEmpty()) {
            disk.before(DiskSteps.Step.WRITE);
            images.linkParent(
                    Chain.real(images.directory()).relativize(Chain.real(parent.directory())));
        }
        sync();
    }

    /** Without what is about to change, but with the parent. */
    private Manifest withoutChanging(Manifest manifest) {
        Set<String> names = new TreeSet<>();
        for (PageTarget target : same.keySet()) {
            names.add(target.fileName());
            names.add(ImageType.PAGES.fileName(pagemap(target).pagesId()));
            names.add(ImageType.JCRIU_DIGESTS.fileName(pagemap(target).pagesId()));
        }
        jcriu_manifest.Builder head = manifest.head().toBuilder().clearParentId();
        Manifest.read(parent).ifPresent(theirs -> head.setParentId(Manifest.bytes(theirs.id())));
        return new Manifest(
                head.build(),
                manifest.files().stream().filter(file -> !names.contains(file.name())).toList());
    }

    private void rewrite(PageTarget target, Runs leaving, int newId) {
        Pagemap old = pagemap(target);
        Runs offsets = Dedup.offsets(old, old.present().minus(leaving));
        if (!offsets.isEmpty()) {
            copyPages(old, offsets, newId);
            PageDigests.read(images, old)
                    .ifPresent(digests -> digests.of(offsets).replace(images, newId, disk));
        }
        new Pagemap(newId, runs(old, leaving)).replace(images, target, disk);
        named.merge(newId, 1, Integer::sum);
        named.merge(old.pagesId(), -1, Integer::sum);
        removeUnlessNamed(old.pagesId());
    }

    private void copyPages(Pagemap old, Runs offsets, int newId) {
        Path path = images.path(ImageType.PAGES, newId);
        disk.before(DiskSteps.Step.WRITE);
        try (PagesFile from = PagesFile.open(images, old);
                FileChannel to =
                        FileChannel.open(
                                path,
                                Set.of(
                                        StandardOpenOption.CREATE_NEW,
                                        StandardOpenOption.WRITE,
                                        LinkOption.NOFOLLOW_LINKS),
                                PosixFilePermissions.asFileAttribute(
                                        PosixFilePermissions.fromString("rw-------")))) {
            for (int i = 0; i < offsets.size(); i++) {
                from.appendTo(to, offsets.start(i), offsets.end(i));
            }
            disk.before(DiskSteps.Step.SYNC);
            to.force(true);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot write " + path + ": " + e, e)
                    .withHint("make room on that file system, and do the same again");
        }
    }

    /** The same runs, those that leave as the parent's. */
    private static List<PagemapRun> runs(Pagemap old, Runs leaving) {
        List<PagemapRun> runs = new ArrayList<>();
        for (PagemapRun run : old.runs()) {
            if (!run.present()) {
                runs.add(run);
                continue;
            }
            Runs all = new Runs();
            all.add(run.vaddr(), run.end());
            Runs here = all.minus(leaving);
            Runs there = all.and(leaving);
            int h = 0;
            int t = 0;
            while (h < here.size() || t < there.size()) {
                if (t == there.size() || h < here.size() && here.start(h) < there.start(t)) {
                    runs.add(run(here, h++, run.flags()));
                } else {
                    runs.add(run(there, t++, PagemapFlags.PARENT));
                }
            }
        }
        return runs;
    }

    private static PagemapRun run(Runs runs, int i, int flags) {
        long pages = (runs.end(i) - runs.start(i)) / PagemapRun.PAGE_SIZE;
        return new PagemapRun(runs.start(i), pages, flags, -1);
    }

    private void removeUnlessNamed(int pagesId) {
        if (named.getOrDefault(pagesId, 0) == 0) {
            disk.before(DiskSteps.Step.PUNCH);
            Path digests = images.path(ImageType.JCRIU_DIGESTS, pagesId);
            remove(images.path(ImageType.PAGES, pagesId));
            remove(digests);
            remove(digests.resolveSibling(digests.getFileName() + ".tmp"));
        }
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot remove " + file + ": " + e, e);
        }
    }

    /** With all files that are there now. */
    private Manifest complete(Manifest manifest) {
        List<FileRecord> files = new ArrayList<>(manifest.files());
        Set<String> listed = new TreeSet<>();
        files.forEach(file -> listed.add(file.name()));
        for (ImageType type : CHANGING) {
            for (long id : images.ids(type)) {
                if (!listed.contains(type.fileName(id))) {
                    files.add(describe(type, id));
                }
            }
        }
        files.sort(Comparator.comparing(FileRecord::name));
        long here = 0;
        long there = 0;
        for (PageTarget target : Chain.targets(images)) {
            for (PagemapRun run : pagemap(target).runs()) {
                here += run.present() ? run.nrPages() : 0;
                there += run.inParent() ? run.nrPages() : 0;
            }
        }
        return new Manifest(
                manifest.head().toBuilder().setPagesNew(here).setPagesParent(there).build(),
                List.copyOf(files));
    }

    private FileRecord describe(ImageType type, long id) {
        Path path = images.path(type, id);
        long size = images.sizeOf(path);
        if (type == ImageType.PAGES) {
            boolean digests = images.exists(ImageType.JCRIU_DIGESTS, id);
            return new FileRecord(type.fileName(id), size, Optional.empty(), digests);
        }
        FileDigest.Stream digest = new FileDigest.Stream();
        try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer chunk = ByteBuffer.allocate(CHUNK);
            while (file.read(chunk) > 0) {
                digest.put(chunk.flip());
                chunk.clear();
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + path + ": " + e, e);
        }
        return new FileRecord(type.fileName(id), size, Optional.of(digest.get()), false);
    }
}
