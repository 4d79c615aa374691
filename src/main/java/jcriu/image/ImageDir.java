package jcriu.image;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.proto.inventory_entry;

/**
 * A directory of images: one dump.
 *
 * <p>Remembers what was written through it, so that a dump that fails can take its files away.
 */
public final class ImageDir {
    private static final String PARENT = "parent";

    private final Path directory;
    private final List<Path> written = new ArrayList<>();

    public ImageDir(Path directory) {
        this.directory = directory;
    }

    public Path directory() {
        return directory;
    }

    /** The path of an image, which need not exist. */
    public Path path(ImageType type, Object... ids) {
        return directory.resolve(type.fileName(ids));
    }

    public boolean exists(ImageType type, Object... ids) {
        return Files.exists(path(type, ids), LinkOption.NOFOLLOW_LINKS);
    }

    /** Creates an image, or empties the one that an unfinished dump left. Mode 0600. */
    public ImageWriter writer(ImageType type, Object... ids) {
        Path path = path(type, ids);
        ImageWriter writer = new ImageWriter(path, type);
        written.add(path);
        return writer;
    }

    /** Remembers a file that was written by other means, e.g. pages. */
    public void wrote(Path path) {
        written.add(path);
    }

    /** Opens an image; one that does not exist has no entries. */
    public ImageReader reader(ImageType type, Object... ids) {
        return new ImageReader(path(type, ids), type);
    }

    /** Whether the dump was finished: its inventory is in place. */
    public boolean isComplete() {
        return exists(ImageType.INVENTORY);
    }

    /** The directory that the relative link {@code parent} leads to. */
    public Optional<ImageDir> parent() {
        Path link = directory.resolve(PARENT);
        return Files.isDirectory(link) ? Optional.of(new ImageDir(link)) : Optional.empty();
    }

    /**
     * The inventory.
     *
     * @throws ImageFormatException if it is missing: the dump was not finished
     */
    public inventory_entry inventory() {
        if (!isComplete()) {
            throw (ImageFormatException)
                    new ImageFormatException(
                                    directory.toString(),
                                    -1,
                                    "no inventory.img: no dump is here, or it was not finished")
                            .withHint("check the directory given with --images-dir, or dump again");
        }
        try (ImageReader in = reader(ImageType.INVENTORY)) {
            inventory_entry inventory = in.requireOne(inventory_entry.parser());
            int version = inventory.getImgVersion();
            if (version != 1 && version != 2) {
                throw new ImageFormatException(
                        "inventory.img", -1, "image version " + version + " is not known (1, 2)");
            }
            return inventory;
        }
    }

    /** An earlier inventory goes first: from here until {@link #complete} nothing is complete. */
    public void begin() {
        try {
            Files.deleteIfExists(path(ImageType.INVENTORY));
        } catch (IOException e) {
            throw new JcriuException(
                    Kind.IO, "cannot remove the old inventory in " + directory + ": " + e, e);
        }
    }

    /** Writes the inventory under another name and renames it into place: the dump is complete. */
    public void complete(inventory_entry inventory) {
        Path temporary = directory.resolve("inventory.img.tmp");
        written.add(temporary);
        try (ImageWriter out = new ImageWriter(temporary, ImageType.INVENTORY)) {
            out.write(inventory);
        }
        Path path = path(ImageType.INVENTORY);
        try {
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot rename the inventory into place: " + e, e);
        }
        written.add(path);
    }

    /** Forces everything written, and the directory, to the disk: fsync(2). */
    public void sync() {
        try {
            for (Path path : written) {
                if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
                    try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
                        file.force(true);
                    }
                }
            }
            try (FileChannel dir = FileChannel.open(directory, StandardOpenOption.READ)) {
                dir.force(true);
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot sync the images in " + directory + ": " + e, e);
        }
    }

    /** Removes everything that was written through this object; what cannot be, stays. */
    public void deleteWritten() {
        for (Path path : written) {
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                // without an inventory, nothing will take it for an image
                continue;
            }
        }
        written.clear();
    }
}
