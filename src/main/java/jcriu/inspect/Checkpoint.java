package jcriu.inspect;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.FileRecord;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.Manifest;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.jcriu_manifest;
import jcriu.store.ChainRead;
import jcriu.store.PageTarget;
import jcriu.store.Pagemap;
import jcriu.store.PagemapRun;

/**
 * One directory of images as it lies there. What is wrong with it is told by {@link #faults}, not
 * thrown. The content of files is not read here, but for the manifest and pagemaps.
 */
public final class Checkpoint {
    private static final Pattern PAGEMAP = Pattern.compile("pagemap-(shmem-)?(\\d+)\\.img");

    private final ImageDir images;
    private final List<String> faults = new ArrayList<>();
    private final TreeMap<String, Long> sizes = new TreeMap<>();
    private final List<PageTarget> targets = new ArrayList<>();
    private final List<Pagemap> pagemaps = new ArrayList<>();
    private Optional<inventory_entry> inventory = Optional.empty();
    private Optional<Manifest> manifest = Optional.empty();
    private Optional<Path> parentLink = Optional.empty();

    private Checkpoint(ImageDir images) {
        this.images = images;
    }

    /**
     * Looks at a directory, which must be there.
     *
     * @throws JcriuException if it cannot be read at all
     */
    public static Checkpoint read(ImageDir images) {
        Checkpoint checkpoint = new Checkpoint(images);
        checkpoint.readNames();
        checkpoint.attempt(() -> checkpoint.inventory = Optional.of(images.inventory()));
        if (checkpoint.complete()) {
            checkpoint.attempt(() -> checkpoint.manifest = Manifest.read(images));
            checkpoint.compareSizes();
            checkpoint.readPagemaps();
        }
        return checkpoint;
    }

    /** Whether a directory holds images of any kind. */
    static boolean isOne(Path directory) {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                if (isImage(file.getFileName().toString())) {
                    return true;
                }
            }
            return false;
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory + ": " + e, e);
        }
    }

    private static boolean isImage(String name) {
        ImageType type = ImageType.ofFileName(name);
        return type != null && type.head() != ImageType.Head.SERVICE;
    }

    private void readNames() {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory())) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (isImage(name)) {
                    attempt(() -> sizes.put(name, images.sizeOf(file)));
                } else if (name.equals("parent") && Files.isSymbolicLink(file)) {
                    parentLink = Optional.of(Files.readSymbolicLink(file));
                }
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory() + ": " + e, e);
        }
    }

    /** Notes as a fault what an image has to say against itself. */
    private void attempt(Runnable reading) {
        try {
            reading.run();
        } catch (JcriuException e) {
            faults.add(e.what());
        }
    }

    private void compareSizes() {
        for (FileRecord file : manifest.map(Manifest::files).orElse(List.of())) {
            long size = sizes.getOrDefault(file.name(), -1L);
            if (size < 0) {
                faults.add(file.name() + " is missing");
            } else if (size != file.size()) {
                faults.add(
                        file.name()
                                + " has "
                                + size
                                + " bytes, and had "
                                + file.size()
                                + " when it was dumped");
            }
        }
    }

    private void readPagemaps() {
        for (String name : sizes.keySet()) {
            Matcher pagemap = PAGEMAP.matcher(name);
            if (pagemap.matches()) {
                ImageType type =
                        pagemap.group(1) == null ? ImageType.PAGEMAP : ImageType.SHMEM_PAGEMAP;
                attempt(
                        () -> {
                            PageTarget target =
                                    new PageTarget(type, Long.parseUnsignedLong(pagemap.group(2)));
                            Pagemap.read(images, type, target.id())
                                    .ifPresent(
                                            runs -> {
                                                targets.add(target);
                                                pagemaps.add(runs);
                                            });
                        });
            }
        }
    }

    public ImageDir images() {
        return images;
    }

    public Path directory() {
        return images.directory();
    }

    /** Whose pages are here; {@link #pagemap} has them by the same index. */
    List<PageTarget> targets() {
        return targets;
    }

    Pagemap pagemap(int i) {
        return pagemaps.get(i);
    }

    /** The images by their names, with their bytes. */
    TreeMap<String, Long> sizes() {
        return sizes;
    }

    Optional<Manifest> manifest() {
        return manifest;
    }

    /** Nothing for images that are older than manifests, or that CRIU wrote. */
    public Optional<UUID> id() {
        return manifest.map(Manifest::id);
    }

    /** As the manifest has it. */
    public Optional<UUID> parentId() {
        return manifest.flatMap(Manifest::parentId);
    }

    /** The link to the parent, as it is written. */
    public Optional<Path> parentLink() {
        return parentLink;
    }

    /** What is wrong with these images, their parents apart. */
    public List<String> faults() {
        return faults;
    }

    /** Whether the dump was finished. */
    public boolean complete() {
        return inventory.isPresent();
    }

    /** Whether it holds memory only; false where that cannot be known. */
    public boolean preDump() {
        return inventory.isPresent() && inventory.get().hasPreDumpMode();
    }

    /** {@code dump} or {@code pre-dump}; {@code unknown} for an unfinished one. */
    public String kind() {
        if (!complete()) {
            return "unknown";
        }
        return preDump() ? "pre-dump" : "dump";
    }

    /** How changed pages were found; nothing without a parent or a manifest. */
    public Optional<String> tracker() {
        return manifest.filter(m -> m.head().hasTracker()).map(m -> m.head().getTracker());
    }

    /** What that tracker left to a comparison of contents, and why, in whole sentences. */
    public List<String> fallbacks() {
        return manifest.map(m -> List.copyOf(m.head().getFallbackList())).orElse(List.of());
    }

    /** Pages of 4096 bytes that are here. */
    public long pagesNew() {
        return pages(true);
    }

    /** Pages that are left to the parent. */
    public long pagesParent() {
        return pages(false);
    }

    private long pages(boolean here) {
        long sum = 0;
        for (Pagemap pagemap : pagemaps) {
            for (PagemapRun run : pagemap.runs()) {
                sum += (here ? run.present() : run.inParent()) ? run.nrPages() : 0;
            }
        }
        return sum;
    }

    /** Of all images in the directory. */
    public long bytes() {
        return sizes.values().stream().mapToLong(Long::longValue).sum();
    }

    /** When it was made: by the manifest, else by the newest of inventory and directory. */
    public Instant when() {
        if (manifest.isPresent()) {
            jcriu_manifest head = manifest.get().head();
            return Instant.ofEpochMilli(head.getCreatedMs());
        }
        Path of = complete() ? images.path(ImageType.INVENTORY) : directory();
        try {
            return Files.getLastModifiedTime(of).toInstant();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + of + ": " + e, e);
        }
    }

    /**
     * Whether every page can be found, here or in a parent; nothing is read of the pages.
     *
     * @return what is wrong first, or nothing
     */
    Optional<String> unresolved() {
        for (PageTarget target : targets) {
            try {
                ChainRead.open(images, target).ifPresent(ChainRead::close);
            } catch (JcriuException e) {
                return Optional.of(e.what());
            }
        }
        return Optional.empty();
    }
}
