package jcriu.inspect;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;

/** A checkpoint and its parents. */
public final class Chain {
    private final List<Checkpoint> checkpoints = new ArrayList<>();

    /** By the index of the child: what is wrong with the way to its parent. */
    private final Map<Integer, String> brokenLinks = new HashMap<>();

    private Chain() {}

    /**
     * Follows the parents of a directory as far as they lead.
     *
     * @param known checkpoints that were read before, by their real directories; is added to
     */
    public static Chain read(ImageDir newest, Map<Path, Checkpoint> known) {
        Chain chain = new Chain();
        Set<Path> seen = new HashSet<>();
        Optional<ImageDir> next = Optional.of(newest);
        while (next.isPresent()) {
            ImageDir images = next.get();
            Path real = real(images.directory());
            int last = chain.checkpoints.size() - 1;
            if (!seen.add(real)) {
                chain.brokenLinks.put(last, "its parents lead back to itself");
                break;
            }
            Checkpoint checkpoint = known.computeIfAbsent(real, path -> Checkpoint.read(images));
            if (last >= 0) {
                chain.compareIds(last, checkpoint);
            }
            chain.checkpoints.add(checkpoint);
            next = chain.parentOf(images);
        }
        return chain;
    }

    /** Where nothing can be read there are no parents either: whoever reads says why. */
    private Optional<ImageDir> parentOf(ImageDir images) {
        try {
            return images.parent().map(parent -> named(images, parent));
        } catch (JcriuException e) {
            brokenLinks.put(checkpoints.size() - 1, "its parent is not a directory");
            return Optional.empty();
        }
    }

    /** The same images under a shorter name than {@code DIR/parent/parent}. */
    private static ImageDir named(ImageDir child, ImageDir parent) {
        try {
            Path link = Files.readSymbolicLink(child.directory().resolve("parent"));
            Path shorter = child.directory().resolve(link).normalize();
            return Files.isSameFile(shorter, parent.directory()) ? new ImageDir(shorter) : parent;
        } catch (IOException e) {
            return parent; // the longer name is as good
        }
    }

    private void compareIds(int child, Checkpoint parent) {
        Optional<UUID> expected = checkpoints.get(child).parentId();
        if (parent.id().isEmpty() && !parent.faults().isEmpty()) {
            return; // that is named there
        }
        if (expected.isPresent() && !expected.equals(parent.id())) {
            brokenLinks.put(
                    child,
                    parent.directory()
                            + " is not the checkpoint that it was made on: that was "
                            + expected.get());
        }
    }

    private static Path real(Path directory) {
        try {
            return directory.toRealPath();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory + ": " + e, e);
        }
    }

    /** Newest first. */
    public List<Checkpoint> checkpoints() {
        return checkpoints;
    }

    /** What is wrong with the way from a checkpoint of this chain to its parent. */
    public Optional<String> brokenLink(int child) {
        return Optional.ofNullable(brokenLinks.get(child));
    }

    /**
     * Why the newest checkpoint cannot be restored, as far as can be told without reading pages.
     *
     * @return nothing if it can
     */
    public Optional<String> whyNotRestorable() {
        Checkpoint newest = checkpoints.get(0);
        if (!newest.faults().isEmpty()) {
            return Optional.of(newest.faults().get(0));
        }
        if (newest.preDump()) {
            return Optional.of("a pre-dump: memory only");
        }
        Optional<String> unresolved = newest.unresolved();
        if (unresolved.isPresent()) {
            return unresolved;
        }
        for (int i = 0; i < checkpoints.size(); i++) {
            Checkpoint checkpoint = checkpoints.get(i);
            if (brokenLinks.containsKey(i)) {
                return Optional.of(checkpoint.directory() + ": " + brokenLinks.get(i));
            }
            if (!checkpoint.faults().isEmpty()) {
                return Optional.of(checkpoint.directory() + ": " + checkpoint.faults().get(0));
            }
        }
        return Optional.empty();
    }
}
