package jcriu.store;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;

/** A directory of images and all its parents, newest first, by their real paths. */
final class Chain {
    private static final String LINK = "parent";

    private final Map<Path, ImageDir> members = new LinkedHashMap<>();

    private Chain() {}

    /**
     * Follows the links from a directory.
     *
     * @throws ImageFormatException if one of them is unfinished, a link leads nowhere, or they lead
     *     back
     */
    static Chain of(ImageDir newest) {
        Chain chain = new Chain();
        Optional<ImageDir> next = Optional.of(newest);
        while (next.isPresent()) {
            ImageDir images = next.get();
            images.inventory();
            if (chain.members.put(real(images.directory()), images) != null) {
                throw new ImageFormatException(
                        images.directory().toString(), -1, "its parents lead back to itself");
            }
            next = images.parent();
        }
        return chain;
    }

    static Path real(Path directory) {
        try {
            return directory.toRealPath();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory + ": " + e, e);
        }
    }

    /** Newest first. */
    Map<Path, ImageDir> members() {
        return members;
    }

    Path newest() {
        return members.keySet().iterator().next();
    }

    /** All that have a pagemap in a directory. */
    static List<PageTarget> targets(ImageDir images) {
        List<PageTarget> targets = new ArrayList<>();
        for (ImageType type : List.of(ImageType.PAGEMAP, ImageType.SHMEM_PAGEMAP)) {
            for (long id : images.ids(type)) {
                targets.add(new PageTarget(type, id));
            }
        }
        return targets;
    }

    /**
     * Directories of complete images beside those of the chain that have one of them as a parent,
     * or a parent's parent, and are no part of it: another branch.
     */
    Set<Path> branches() {
        Set<Path> branches = new LinkedHashSet<>();
        List<Path> parents = new ArrayList<>(members.keySet());
        for (int i = 0; i < parents.size(); i++) {
            for (Path child : children(parents.get(i))) {
                if (!members.containsKey(child)
                        && new ImageDir(child).isComplete()
                        && branches.add(child)) {
                    parents.add(child);
                }
            }
        }
        return branches;
    }

    /** Directories beside one whose link {@code parent} leads to it. */
    private static List<Path> children(Path directory) {
        List<Path> children = new ArrayList<>();
        Path around = directory.getParent();
        if (around == null) {
            return children;
        }
        try (DirectoryStream<Path> all = Files.newDirectoryStream(around)) {
            for (Path child : all) {
                if (Files.isDirectory(child, LinkOption.NOFOLLOW_LINKS)
                        && Files.isSymbolicLink(child.resolve(LINK))
                        && Files.isDirectory(child.resolve(LINK))
                        && child.resolve(LINK).toRealPath().equals(directory)) {
                    children.add(child);
                }
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + around + ": " + e, e);
        }
        return children;
    }
}
