package jcriu.image;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.Consumer;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.jcriu_manifest;

/**
 * A directory of images: one dump.
 *
 * <p>Remembers what was written through it, so that a dump that fails can take its files away.
 */
public final class ImageDir {
    private static final String PARENT = "parent";

    private static final int ANYBODY = -1;

    private final Path directory;
    private final int trustedUid;
    private final boolean verifying;

    /** Shared: threads may write different images at the same time. */
    private final Map<Path, ImageWriter> prepared = new ConcurrentHashMap<>();

    private final List<Path> written = Collections.synchronizedList(new ArrayList<>());

    /** By name: what the manifest will say of the files that are whole. */
    private final Map<String, FileRecord> records = new ConcurrentSkipListMap<>();

    public ImageDir(Path directory) {
        this(directory, ANYBODY, true);
    }

    private ImageDir(Path directory, int trustedUid, boolean verifying) {
        this.directory = directory;
        this.trustedUid = trustedUid;
        this.verifying = verifying;
    }

    /** The same directory, and its parents, whose pages are not checked against their digests. */
    public ImageDir notVerifying() {
        return new ImageDir(directory, trustedUid, false);
    }

    /** Whether pages that are read are checked against their digests. */
    public boolean verifying() {
        return verifying;
    }

    /**
     * The same directory for a restore: who can write an image decides what runs, as whom, and what
     * it opens. So the directory, its {@code parent} link and every image must belong to this user
     * or to root.
     */
    public ImageDir trusting(int uid) {
        ImageDir images = new ImageDir(directory, uid, verifying);
        try {
            // the caller named it: links on the way are his own
            images.requireTrusted(directory, Files.readAttributes(directory, "unix:uid"));
        } catch (NoSuchFileException e) {
            return images; // whoever reads says that it is missing
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory + ": " + e, e);
        }
        return images;
    }

    private void requireTrusted(Path path, Map<String, Object> attributes) {
        if (trustedUid == ANYBODY) {
            return;
        }
        int owner = (Integer) attributes.get("uid");
        if (owner != trustedUid && owner != 0) {
            throw new JcriuException(
                            Kind.RESTORE_REFUSED,
                            path
                                    + " belongs to user "
                                    + Integer.toUnsignedString(owner)
                                    + ": whoever writes images decides what runs")
                    .withHint(
                            "if you trust these images, copy them, or chown them to root;"
                                    + " see docs/limits.md#hostile-images");
        }
    }

    /**
     * Bytes of a file of this directory, or -1 if there is none.
     *
     * @throws JcriuException if it is a link, or anything but a regular file; or of a user who is
     *     not trusted
     */
    public long sizeOf(Path file) {
        Map<String, Object> attributes;
        try {
            attributes =
                    Files.readAttributes(
                            file,
                            trustedUid == ANYBODY
                                    ? "size,isRegularFile"
                                    : "unix:uid,size,isRegularFile",
                            LinkOption.NOFOLLOW_LINKS);
        } catch (NoSuchFileException e) {
            return -1;
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + file + ": " + e, e);
        }
        if (!(Boolean) attributes.get("isRegularFile")) {
            throw new ImageFormatException(
                    file.getFileName().toString(), -1, "is not a regular file");
        }
        requireTrusted(file, attributes);
        return (Long) attributes.get("size");
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

    /** Creates an image, or replaces the one that an unfinished dump left. Mode 0600. */
    public ImageWriter writer(ImageType type, Object... ids) {
        return writer(path(type, ids), type);
    }

    /**
     * Creates an image ahead of time: {@link #writer} hands it out later, and what nobody asks for
     * is removed by {@link #discardPrepared}. Creating a file takes much longer than writing one.
     */
    public void prepare(ImageType type, Object... ids) {
        Path path = path(type, ids);
        if (!prepared.containsKey(path)) {
            prepared.put(path, newWriter(path, type));
            written.add(path);
        }
    }

    /** Removes images that were prepared and not written. */
    public void discardPrepared() {
        for (Map.Entry<Path, ImageWriter> image : prepared.entrySet()) {
            image.getValue().abandon();
            written.remove(image.getKey());
            try {
                Files.deleteIfExists(image.getKey());
            } catch (IOException e) {
                throw new JcriuException(Kind.IO, "cannot remove " + image.getKey() + ": " + e, e);
            }
        }
        prepared.clear();
    }

    private ImageWriter writer(Path path, ImageType type) {
        ImageWriter ready = prepared.remove(path);
        if (ready != null) {
            return ready;
        }
        ImageWriter writer = newWriter(path, type);
        written.add(path);
        return writer;
    }

    private ImageWriter newWriter(Path path, ImageType type) {
        String name = path.getFileName().toString();
        return new ImageWriter(
                path,
                type,
                (size, digest) -> record(new FileRecord(name, size, Optional.of(digest), false)));
    }

    /** Remembers a file that is being written by other means, e.g. pages. */
    public void wrote(Path path) {
        written.add(path);
    }

    /** Notes for the manifest a file that is whole and was written by other means. */
    public void record(FileRecord file) {
        records.put(file.name(), file);
    }

    /** Opens an image; one that does not exist has no entries. */
    public ImageReader reader(ImageType type, Object... ids) {
        return new ImageReader(this, path(type, ids), type);
    }

    /** Opens an image by the name of its file, which must be one that images have. */
    public ImageReader readerOf(String fileName) {
        ImageType type = ImageType.ofFileName(fileName);
        return new ImageReader(this, directory.resolve(fileName), type);
    }

    /** Whether the dump was finished: its inventory is in place. */
    public boolean isComplete() {
        return exists(ImageType.INVENTORY);
    }

    /**
     * The directory that the relative link {@code parent} leads to, or nothing without a link.
     *
     * @throws ImageFormatException if the link leads nowhere: without its parent, an incremental
     *     dump lacks pages
     */
    public Optional<ImageDir> parent() {
        Path link = directory.resolve(PARENT);
        if (!Files.exists(link, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        if (!Files.isDirectory(link)) {
            throw (ImageFormatException)
                    new ImageFormatException(
                                    directory.toString(), -1, "its parent is not a directory")
                            .withHint("put the directory of the earlier dump back in its place");
        }
        if (trustedUid != ANYBODY) {
            try {
                requireTrusted(
                        link, Files.readAttributes(link, "unix:uid", LinkOption.NOFOLLOW_LINKS));
            } catch (IOException e) {
                throw new JcriuException(Kind.IO, "cannot read " + link + ": " + e, e);
            }
            return Optional.of(
                    new ImageDir(shortened(link), ANYBODY, verifying).trusting(trustedUid));
        }
        return Optional.of(new ImageDir(shortened(link), ANYBODY, verifying));
    }

    /**
     * The kernel follows no more than 40 links in a path: the parent of a parent goes by its own.
     */
    private Path shortened(Path link) {
        if (!directory.endsWith(PARENT)) {
            return link;
        }
        try {
            return link.toRealPath();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + link + ": " + e, e);
        }
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
            boolean preDump = version == 0 && inventory.hasPreDumpMode(); // as CRIU writes it
            if (version != 1 && version != 2 && !preDump) {
                throw new ImageFormatException(
                        "inventory.img", -1, "image version " + version + " is not known (1, 2)");
            }
            return inventory;
        }
    }

    /**
     * Removes an earlier dump, its inventory first: an image that this dump does not write must not
     * be taken for its own.
     */
    public void begin() {
        try {
            Files.deleteIfExists(path(ImageType.INVENTORY));
            Files.deleteIfExists(stagedInventory());
            Path link = directory.resolve(PARENT);
            if (Files.isSymbolicLink(link)) {
                Files.delete(link);
            }
            try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
                for (Path file : files) {
                    ImageType type = ImageType.ofFileName(file.getFileName().toString());
                    if (type != null && type.head() != ImageType.Head.SERVICE) {
                        Files.deleteIfExists(file);
                    }
                }
            }
        } catch (IOException e) {
            throw new JcriuException(
                            Kind.IO, "cannot remove the old images in " + directory + ": " + e, e)
                    .withHint("choose another --images-dir");
        }
    }

    /**
     * Makes the link to the images that this dump leaves pages to.
     *
     * @param target relative to this directory
     */
    public void linkParent(Path target) {
        Path link = directory.resolve(PARENT);
        try {
            Files.createSymbolicLink(link, target);
            written.add(link);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot make the link " + link + ": " + e, e)
                    .withHint("choose another --images-dir");
        }
    }

    /** Another directory, as far trusted as this one. */
    public ImageDir other(Path directory) {
        return new ImageDir(directory, ANYBODY, verifying).trustingAs(this);
    }

    private ImageDir trustingAs(ImageDir other) {
        return other.trustedUid == ANYBODY ? this : trusting(other.trustedUid);
    }

    /**
     * Replaces an image: writes it under another name, forces it to the disk, and renames it into
     * place, so that at any time the old one is there or the new one.
     */
    public void replace(
            ImageType type, Consumer<ImageWriter> content, DiskSteps steps, Object... ids) {
        Path path = path(type, ids);
        Path temporary = directory.resolve(path.getFileName() + ".tmp");
        steps.before(DiskSteps.Step.WRITE);
        try (ImageWriter out = new ImageWriter(temporary, type)) {
            content.accept(out);
            steps.before(DiskSteps.Step.SYNC);
            out.force();
        }
        try {
            steps.before(DiskSteps.Step.RENAME);
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
            steps.before(DiskSteps.Step.SYNC);
            syncDirectory();
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot put " + path + " in place: " + e, e);
        }
    }

    /** Forces every file that is in the directory, and the directory, to the disk. */
    public void syncContent(DiskSteps steps) {
        steps.before(DiskSteps.Step.SYNC);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path path : files) {
                if (Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS)) {
                    try (FileChannel file = FileChannel.open(path, StandardOpenOption.READ)) {
                        file.force(true);
                    }
                }
            }
            syncDirectory();
        } catch (IOException e) {
            throw new JcriuException(
                    Kind.IO, "cannot sync the images in " + directory + ": " + e, e);
        }
    }

    /** The images of a kind that are here, by the numbers in their names, ascending. */
    public List<Long> ids(ImageType type) {
        List<Long> ids = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
            for (Path file : files) {
                String name = file.getFileName().toString();
                if (ImageType.ofFileName(name) == type) {
                    ids.add(type.idOf(name));
                }
            }
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + directory + ": " + e, e);
        }
        Collections.sort(ids);
        return ids;
    }

    /** Both steps, for images that need not be on a disk and have no manifest. */
    public void complete(inventory_entry inventory) {
        stageInventory(inventory, Optional.empty());
        renameInventory();
    }

    /**
     * Writes the inventory under another name, and the manifest: all is there, and the dump not
     * complete yet. Who wants it to be complete after a power cut, too, forces all that was written
     * to the disk before {@link #renameInventory}, and calls {@link #syncDirectory} after it.
     *
     * @param manifest what it shall say; the list of files is added
     */
    public void stageInventory(inventory_entry inventory, Optional<jcriu_manifest> manifest) {
        Path path = path(ImageType.INVENTORY);
        Path temporary = stagedInventory();
        try (ImageWriter out = writer(temporary, ImageType.INVENTORY)) {
            out.write(inventory);
        }
        FileRecord record = records.remove(temporary.getFileName().toString());
        record(
                new FileRecord(
                        path.getFileName().toString(), record.size(), record.digest(), false));
        if (manifest.isPresent()) {
            Manifest.write(this, manifest.get(), List.copyOf(records.values()));
        }
    }

    private Path stagedInventory() {
        return directory.resolve(ImageType.INVENTORY.fileName() + ".tmp");
    }

    /** Renames the inventory into place: from now on the dump is complete. */
    public void renameInventory() {
        Path temporary = stagedInventory();
        Path path = path(ImageType.INVENTORY);
        try {
            Files.move(temporary, path, StandardCopyOption.ATOMIC_MOVE);
            written.remove(temporary);
            written.add(path);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot put " + path + " in place: " + e, e);
        }
    }

    /** Forces the names of the files to the disk: fsync(2) of the directory. */
    public void syncDirectory() {
        try (FileChannel dir = FileChannel.open(directory, StandardOpenOption.READ)) {
            dir.force(true);
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot sync " + directory + ": " + e, e);
        }
    }

    private List<Path> writtenFiles() {
        synchronized (written) {
            return List.copyOf(written);
        }
    }

    /**
     * Removes everything that was written through this object, the inventory first so that at no
     * time a part looks complete; what cannot be removed, stays.
     */
    public void deleteWritten() {
        for (ImageWriter image : prepared.values()) {
            image.abandon();
        }
        prepared.clear();
        List<Path> paths = writtenFiles();
        for (int i = paths.size() - 1; i >= 0; i--) {
            try {
                Files.deleteIfExists(paths.get(i));
            } catch (IOException e) {
                // without an inventory, nothing will take it for an image
                continue;
            }
        }
        written.clear();
    }
}
