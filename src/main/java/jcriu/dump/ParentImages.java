package jcriu.dump;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import jcriu.errors.EnvironmentException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.Manifest;
import jcriu.image.proto.jcriu_track;
import jcriu.memory.ChainLock;
import jcriu.store.ChainRead;
import jcriu.store.PageRead;
import jcriu.store.PageTarget;

/** The images of the dump before, to which this one leaves pages that are the same. */
final class ParentImages implements AutoCloseable {
    private final ImageDir child;
    private final ImageDir parent;
    private final Path link;
    private final ChainLock lock;
    private final Optional<UUID> id;
    private final Map<Integer, Optional<ChainRead>> pages = new HashMap<>();
    private final Map<Long, Optional<ChainRead>> objectPages = new HashMap<>();

    private ParentImages(ImageDir child, ImageDir parent, Path link, ChainLock lock) {
        this.child = child;
        this.parent = parent;
        this.link = link;
        this.lock = lock;
        this.id = Manifest.read(parent).map(Manifest::id);
    }

    /** The id of the checkpoint, where it has a manifest. */
    Optional<UUID> id() {
        return id;
    }

    /**
     * Checks that the images are there and complete, and holds them so. Nothing is changed.
     *
     * @param previous relative to the directory of the new images, or absolute
     */
    static ParentImages open(ImageDir child, Path previous) {
        Path directory = child.directory().resolve(previous);
        if (!Files.isDirectory(directory)) {
            throw (EnvironmentException)
                    new EnvironmentException(
                                    "the previous images directory "
                                            + directory
                                            + " does not exist")
                            .withHint(
                                    "--prev-images-dir is relative to the images directory; or"
                                            + " dump without it");
        }
        try {
            Path ours = child.directory().toRealPath();
            Path theirs = directory.toRealPath();
            if (ours.equals(theirs)) {
                throw (EnvironmentException)
                        new EnvironmentException(
                                        "the previous images are in the images directory itself")
                                .withHint("name another directory with --images-dir");
            }
            ImageDir parent = new ImageDir(directory);
            parent.inventory();
            requireNoAncestor(ours, parent);
            ChainRead.requireOwnParents(parent);
            return new ParentImages(
                    child,
                    parent,
                    previous.isAbsolute() ? ours.relativize(theirs) : previous,
                    ChainLock.shared(parent));
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory + ": " + e, e);
        }
    }

    /** A dump removes what is in its directory: that must be nothing that its parent needs. */
    private static void requireNoAncestor(Path ours, ImageDir parent) throws IOException {
        Set<Path> seen = new HashSet<>();
        Optional<ImageDir> next = parent.parent();
        while (next.isPresent() && seen.add(next.get().directory().toRealPath())) {
            if (seen.contains(ours)) {
                throw (EnvironmentException)
                        new EnvironmentException(
                                        "the images directory holds images that the previous ones"
                                                + " in "
                                                + parent.directory()
                                                + " need")
                                .withHint("name another directory with --images-dir");
            }
            next = next.get().parent();
        }
    }

    void link() {
        child.linkParent(link);
    }

    /**
     * Opens the pages of tasks, so that nothing of it is left to the freeze.
     *
     * @throws JcriuException if the chain of parents is damaged
     */
    void prepare(Iterable<Integer> pids) {
        pids.forEach(this::pages);
    }

    /** What the parent says of the tracker that was set when it was made, if any was. */
    Optional<jcriu_track> track() {
        if (!Files.exists(parent.directory().resolve(ImageType.JCRIU_TRACK.fileName()))) {
            return Optional.empty();
        }
        try (ImageReader in = parent.reader(ImageType.JCRIU_TRACK)) {
            return Optional.of(in.requireOne(jcriu_track.parser()));
        }
    }

    /**
     * The ids of shared objects in the new images.
     *
     * @param places where they are mapped, by the ids that their inode numbers give
     */
    ObjectIds objectIds(Map<Long, Set<ObjectIds.Place>> places) {
        return ObjectIds.of(places, parent);
    }

    /** The pages that an object with this id had then. */
    Optional<? extends PageRead> objectPages(long id) {
        return objectPages.computeIfAbsent(id, i -> ChainRead.open(parent, PageTarget.object(i)));
    }

    /** The pages that a task had then, if there was one with its pid. */
    Optional<? extends PageRead> pages(int pid) {
        return pages.computeIfAbsent(pid, p -> ChainRead.open(parent, PageTarget.task(p)));
    }

    @Override
    public void close() {
        for (Optional<ChainRead> chain : pages.values()) {
            chain.ifPresent(ChainRead::close);
        }
        pages.clear();
        for (Optional<ChainRead> chain : objectPages.values()) {
            chain.ifPresent(ChainRead::close);
        }
        objectPages.clear();
        lock.close();
    }
}
