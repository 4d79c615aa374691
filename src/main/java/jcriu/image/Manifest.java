package jcriu.image;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.proto.jcriu_checkpoint_kind;
import jcriu.image.proto.jcriu_manifest;
import jcriu.image.proto.jcriu_manifest_end;
import jcriu.image.proto.jcriu_manifest_file;

/**
 * What a checkpoint consists of: {@code jcriu-manifest.img}, written when all of its files are
 * there, before the inventory is put in place. What becomes of the checkpoint later stands in files
 * of its own; only who changes the files that it lists replaces it.
 *
 * <pre>
 *   jcriu_manifest | jcriu_manifest_file ... | jcriu_manifest_end: digest of all before it
 * </pre>
 *
 * @param head id, kind, parent, figures
 * @param files all but the manifest itself, by name
 */
public record Manifest(jcriu_manifest head, List<FileRecord> files) {
    private static final int VERSION = 1;
    private static final int ID_BYTES = 16;

    /**
     * The head of a new manifest.
     *
     * @param id of the checkpoint; the inventory has it, too
     */
    public static jcriu_manifest.Builder head(UUID id, jcriu_checkpoint_kind kind) {
        String version = Manifest.class.getPackage().getImplementationVersion();
        return jcriu_manifest
                .newBuilder()
                .setVersion(VERSION)
                .setId(bytes(id))
                .setKind(kind)
                .setCreatedMs(System.currentTimeMillis())
                .setJcriu(version != null ? version : "")
                .setNrFiles(0);
    }

    /** As it stands in messages: the most significant byte first. */
    public static ByteString bytes(UUID id) {
        ByteBuffer bytes = ByteBuffer.allocate(ID_BYTES);
        return ByteString.copyFrom(
                bytes.putLong(id.getMostSignificantBits())
                        .putLong(id.getLeastSignificantBits())
                        .flip());
    }

    private static UUID uuid(ByteString bytes, Path file) {
        if (bytes.size() != ID_BYTES) {
            throw damaged(file, "an id has " + bytes.size() + " bytes, not " + ID_BYTES);
        }
        ByteBuffer buffer = bytes.asReadOnlyByteBuffer();
        return new UUID(buffer.getLong(), buffer.getLong());
    }

    private static ImageFormatException damaged(Path file, String what) {
        return new ImageFormatException(file.toString(), -1, what);
    }

    static void write(ImageDir images, jcriu_manifest head, List<FileRecord> files) {
        try (ImageWriter out = images.writer(ImageType.JCRIU_MANIFEST)) {
            new Manifest(head, files).write(out);
        }
    }

    /** Puts this in the place of the manifest that is there, and on the disk. */
    public void replace(ImageDir images, DiskSteps steps) {
        images.replace(ImageType.JCRIU_MANIFEST, this::write, steps);
    }

    private void write(ImageWriter out) {
        out.write(head.toBuilder().setNrFiles(files.size()).build());
        for (FileRecord file : files) {
            jcriu_manifest_file.Builder entry =
                    jcriu_manifest_file
                            .newBuilder()
                            .setName(file.name())
                            .setSize(file.size())
                            .setDigestedByPage(file.digestedByPage());
            file.digest().ifPresent(digest -> entry.setDigest(digest.toBytes()));
            out.write(entry.build());
        }
        ByteString digest = out.digest().toBytes();
        out.write(jcriu_manifest_end.newBuilder().setDigest(digest).build());
    }

    /**
     * Reads the manifest of a checkpoint.
     *
     * @return nothing if it has none: CRIU wrote it, or an older jcriu
     * @throws ImageFormatException if it is damaged, or of a later version
     */
    public static Optional<Manifest> read(ImageDir images) {
        Path path = images.path(ImageType.JCRIU_MANIFEST);
        if (images.sizeOf(path) < 0) {
            return Optional.empty();
        }
        try (ImageReader in = images.reader(ImageType.JCRIU_MANIFEST)) {
            jcriu_manifest head = in.requireNext(jcriu_manifest.parser());
            if (head.getVersion() != VERSION) {
                throw damaged(path, "version " + head.getVersion() + " is not known (1)");
            }
            uuid(head.getId(), path);
            if (head.hasParentId()) {
                uuid(head.getParentId(), path);
            }
            List<FileRecord> files = new ArrayList<>();
            for (int i = 0; i < head.getNrFiles(); i++) {
                files.add(file(in.requireNext(jcriu_manifest_file.parser()), path));
            }
            long end = in.position();
            FileDigest noted =
                    FileDigest.read(in.requireNext(jcriu_manifest_end.parser()).getDigest());
            in.requireEnd();
            byte[] bytes = Files.readAllBytes(path);
            FileDigest digest =
                    new FileDigest.Stream().put(ByteBuffer.wrap(bytes, 0, (int) end)).get();
            if (!digest.equals(noted)) {
                throw damaged(path, "its content is not what was dumped");
            }
            return Optional.of(new Manifest(head, List.copyOf(files)));
        } catch (IOException e) {
            throw new JcriuException(Kind.IO, "cannot read " + path + ": " + e, e);
        }
    }

    private static FileRecord file(jcriu_manifest_file entry, Path manifest) {
        if (ImageType.ofFileName(entry.getName()) == null || entry.getSize() < 0) {
            throw damaged(manifest, "lists what is no image: " + entry.getName());
        }
        Optional<FileDigest> digest = Optional.empty();
        if (entry.hasDigest()) {
            digest = Optional.ofNullable(FileDigest.read(entry.getDigest()));
            if (digest.isEmpty()) {
                throw damaged(manifest, "the digest of " + entry.getName() + " is none");
            }
        }
        return new FileRecord(entry.getName(), entry.getSize(), digest, entry.getDigestedByPage());
    }

    public UUID id() {
        ByteBuffer buffer = head.getId().asReadOnlyByteBuffer();
        return new UUID(buffer.getLong(), buffer.getLong());
    }

    /** Of the parent, where it has one. */
    public Optional<UUID> parentId() {
        if (!head.hasParentId()) {
            return Optional.empty();
        }
        ByteBuffer buffer = head.getParentId().asReadOnlyByteBuffer();
        return Optional.of(new UUID(buffer.getLong(), buffer.getLong()));
    }

    /** Sum of the sizes of all files but this. */
    public long bytes() {
        long sum = 0;
        for (FileRecord file : files) {
            sum += file.size();
        }
        return sum;
    }
}
