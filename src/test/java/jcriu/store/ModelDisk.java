package jcriu.store;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SeekableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.AccessMode;
import java.nio.file.CopyOption;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.FileAttributeView;
import java.nio.file.attribute.FileTime;
import java.nio.file.spi.FileSystemProvider;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import jcriu.errors.Errno;
import jcriu.errors.SyscallException;
import jcriu.memory.OutputFile;

/**
 * A disk that is a model: it fails where a test says so, and knows what a power cut leaves of what
 * was not forced onto it.
 *
 * <p>Every call that changes something, or forces it to the disk, is a step. What a power cut
 * leaves: of a directory, the calls up to any one since it was last forced; of a file, of each of
 * its pages what it was when the file was last forced, or what it is, and one of the two lengths.
 */
final class ModelDisk extends FileSystemProvider {
    /** What becomes of a step. */
    enum Fault {
        /** EIO. What could not be forced stays in memory only. */
        ERROR,
        /** ENOSPC, there and at every later step that wants room, until the disk is mended. */
        FULL,
        /** Of a write only the half is done; the next one finds the disk full. */
        SHORT_THEN_FULL,
        /** Of a write only the half is done, and it says so. */
        SHORT,
        /** SIGKILL: neither this step nor any later one. */
        KILL
    }

    /** What SIGKILL looks like from inside. */
    static final class Killed extends Error {
        private static final long serialVersionUID = 1;
    }

    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final String NO_SPACE = "No space left on device";

    private abstract static sealed class Node permits Data, Directory, Link {}

    private static final class Data extends Node {
        byte[] now = {};
        byte[] forced = {};
    }

    private static final class Directory extends Node {
        Map<String, Node> now = new LinkedHashMap<>();

        /** What it was after each call since it was last forced; that comes first. */
        final List<Map<String, Node>> history = new ArrayList<>(List.of(Map.of()));

        void changed() {
            history.add(new LinkedHashMap<>(now));
        }
    }

    private static final class Link extends Node {
        final String target;

        Link(String target) {
            this.target = target;
        }
    }

    private final ModelPath.Of fileSystem = new ModelPath.Of(this);
    private final Directory root = new Directory();
    private Fault fault;
    private int faultAt;
    private int steps;
    private boolean full;
    private boolean killed;

    Path path(String name) {
        return fileSystem.getPath("/" + name);
    }

    /** Lets one of the next steps fail; the first is 1. */
    void failAt(int step, Fault how) {
        mend();
        faultAt = step;
        fault = how;
    }

    /** From now on all goes well. */
    void mend() {
        steps = 0;
        faultAt = 0;
        full = false;
        killed = false;
    }

    /** Since it was last told to fail, or mended. */
    int steps() {
        return steps;
    }

    private enum Wants {
        ROOM,
        NO_ROOM
    }

    /** Whether only half of it is to be done. */
    private boolean step(Wants wants) throws IOException {
        if (killed) {
            throw new Killed();
        }
        steps++;
        if (steps == faultAt) {
            switch (fault) {
                case ERROR -> throw new IOException("Input/output error");
                case FULL -> full = true;
                case SHORT -> {
                    return true;
                }
                case SHORT_THEN_FULL -> {
                    full = true;
                    return true;
                }
                case KILL -> {
                    killed = true;
                    throw new Killed();
                }
            }
        }
        if (full && wants == Wants.ROOM) {
            throw new IOException(NO_SPACE);
        }
        return false;
    }

    /** syncfs(2). */
    void forceAll() throws IOException {
        step(Wants.ROOM);
        force(root);
    }

    private static void force(Node node) {
        if (node instanceof Data file) {
            file.forced = file.now.clone();
        } else if (node instanceof Directory directory) {
            forceNames(directory);
            directory.now.values().forEach(ModelDisk::force);
        }
    }

    private static void forceNames(Directory directory) {
        directory.history.clear();
        directory.changed();
    }

    /** What is read after it is what has survived. */
    void cutPower(Random random) {
        mend();
        cutPower(root, random);
    }

    private static void cutPower(Node node, Random random) {
        if (node instanceof Directory directory) {
            directory.now =
                    new LinkedHashMap<>(
                            directory.history.get(random.nextInt(directory.history.size())));
            forceNames(directory);
            directory.now.values().forEach(child -> cutPower(child, random));
        } else if (node instanceof Data file) {
            byte[] mixed = random.nextBoolean() ? file.forced.clone() : file.now.clone();
            for (int at = 0; at < mixed.length; at += PAGE) {
                byte[] from = random.nextBoolean() ? file.forced : file.now;
                int end = Math.min(at + PAGE, mixed.length);
                Arrays.fill(mixed, at, end, (byte) 0);
                if (at < from.length) {
                    System.arraycopy(from, at, mixed, at, Math.min(end, from.length) - at);
                }
            }
            file.now = mixed;
            file.forced = mixed.clone();
        }
    }

    /** Pages files that are written here. They cannot be mapped. */
    OutputFile create(Path path) {
        try {
            Files.deleteIfExists(path);
            FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE).close();
        } catch (IOException e) {
            throw failed("create " + path, e);
        }
        return new Output(path);
    }

    private static SyscallException failed(String what, IOException e) {
        return new SyscallException(
                what, e.getMessage().equals(NO_SPACE) ? Errno.ENOSPC : Errno.EIO);
    }

    private record Output(Path path) implements OutputFile {
        @Override
        public Handle open() {
            try {
                return new Open(path, (Channel) FileChannel.open(path, StandardOpenOption.WRITE));
            } catch (IOException e) {
                throw failed("open " + path, e);
            }
        }

        @Override
        public void remove() {
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                return; // it stays
            }
        }
    }

    private record Open(Path path, Channel file) implements OutputFile.Handle {
        @Override
        public void reserve(long bytes) {
            try {
                file.allocate((int) bytes);
            } catch (IOException e) {
                throw failed("reserve room for " + path, e);
            }
        }

        @Override
        public long map(long bytes) {
            return 0;
        }

        @Override
        public long write(long address, long length, long offset) {
            try {
                return file.write(
                        MemoryIO.getInstance().newDirectByteBuffer(address, (int) length), offset);
            } catch (IOException e) {
                throw failed("write " + path, e);
            }
        }

        @Override
        public void read(long address, long length, long offset) {
            throw new UnsupportedOperationException("only what is mapped is read again");
        }

        @Override
        public void truncate(long size) {
            try {
                file.truncate(size);
            } catch (IOException e) {
                throw failed("truncate " + path, e);
            }
        }

        @Override
        public void close() {
            // an open file of the model holds nothing
        }
    }

    /** fallocate(2) with FALLOC_FL_PUNCH_HOLE. */
    void punch(Path path, long start, long end) throws IOException {
        step(Wants.NO_ROOM);
        byte[] now = ((Data) require(path, true)).now.clone();
        Arrays.fill(now, (int) start, (int) Math.min(end, now.length), (byte) 0);
        ((Data) require(path, true)).now = now;
    }

    private Node require(Path path, boolean follow) throws IOException {
        Node node = find(path, follow);
        if (node == null) {
            throw new NoSuchFileException(path.toString());
        }
        return node;
    }

    private Node find(Path path, boolean follow) {
        Path real = real(path, follow);
        return real == null ? null : at(real);
    }

    private Node at(Path real) {
        Node node = root;
        for (Path name : real) {
            node = node instanceof Directory directory ? directory.now.get("" + name) : null;
        }
        return node;
    }

    /** Without links; null where one leads nowhere. */
    private Path real(Path path, boolean followLast) {
        Path real = fileSystem.getPath("/");
        List<Path> names = new ArrayList<>();
        path.forEach(names::add);
        for (int i = 0; i < names.size(); i++) {
            Path next = real.resolve(names.get(i)).normalize();
            Node node = at(next);
            if (node instanceof Link link && (followLast || i < names.size() - 1)) {
                next = real(real.resolve(link.target).normalize(), true);
                node = next == null ? null : at(next);
            }
            if (node == null && i < names.size() - 1) {
                return null;
            }
            real = next;
        }
        return real;
    }

    Path realPath(Path path) throws IOException {
        require(path, true);
        return real(path, true);
    }

    private Directory directoryOf(Path path) throws IOException {
        return (Directory) require(path.getParent(), true);
    }

    private void put(Path path, Node node) throws IOException {
        Directory directory = directoryOf(path);
        directory.now.put("" + path.getFileName(), node);
        directory.changed();
    }

    @Override
    public FileChannel newFileChannel(
            Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
            throws IOException {
        Node node = find(path, true);
        if (options.contains(StandardOpenOption.CREATE_NEW)) {
            if (node != null) {
                throw new FileAlreadyExistsException(path.toString());
            }
            step(Wants.ROOM);
            node = new Data();
            put(path, node);
        }
        if (node == null) {
            throw new NoSuchFileException(path.toString());
        }
        return new Channel(node);
    }

    @Override
    public SeekableByteChannel newByteChannel(
            Path path, Set<? extends OpenOption> options, FileAttribute<?>... attributes)
            throws IOException {
        return newFileChannel(path, options, attributes);
    }

    /** A file, or a directory that is to be forced to the disk. */
    private final class Channel extends FileChannel {
        private final Node node;
        private int position;

        Channel(Node node) {
            this.node = node;
        }

        private Data file() {
            return (Data) node;
        }

        @Override
        public int read(ByteBuffer to, long from) {
            byte[] now = file().now;
            int length = (int) Math.min(to.remaining(), now.length - from);
            if (length <= 0) {
                return to.hasRemaining() ? -1 : 0;
            }
            to.put(now, (int) from, length);
            return length;
        }

        @Override
        public int read(ByteBuffer to) {
            int n = read(to, position);
            position += Math.max(n, 0);
            return n;
        }

        @Override
        public int write(ByteBuffer from, long to) throws IOException {
            boolean half = step(Wants.ROOM);
            int length = half ? from.remaining() / 2 : from.remaining();
            grow((int) to + length);
            from.get(file().now, (int) to, length);
            return length;
        }

        @Override
        public int write(ByteBuffer from) throws IOException {
            int n = write(from, position);
            position += n;
            return n;
        }

        @Override
        public void force(boolean metaData) throws IOException {
            step(Wants.ROOM);
            if (node instanceof Directory directory) {
                forceNames(directory);
            } else {
                ModelDisk.force(node);
            }
        }

        @Override
        public long position() {
            return position;
        }

        @Override
        public FileChannel position(long to) {
            position = (int) to;
            return this;
        }

        @Override
        public long size() {
            return node instanceof Data file ? file.now.length : 0;
        }

        @Override
        protected void implCloseChannel() {}

        private void grow(int size) {
            if (size > file().now.length) {
                file().now = Arrays.copyOf(file().now, size);
            }
        }

        /** fallocate(2), or ftruncate(2) where it makes the file larger. */
        void allocate(int size) throws IOException {
            step(Wants.ROOM);
            grow(size);
        }

        @Override
        public FileChannel truncate(long size) throws IOException {
            step(Wants.NO_ROOM);
            file().now = Arrays.copyOf(file().now, (int) Math.min(size, size()));
            return this;
        }

        @Override
        public long read(ByteBuffer[] to, int offset, int length) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long write(ByteBuffer[] from, int offset, int length) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long transferTo(long position, long count, WritableByteChannel target) {
            throw new UnsupportedOperationException();
        }

        @Override
        public long transferFrom(ReadableByteChannel source, long position, long count) {
            throw new UnsupportedOperationException();
        }

        @Override
        public MappedByteBuffer map(MapMode mode, long position, long size) {
            throw new UnsupportedOperationException();
        }

        @Override
        public FileLock lock(long position, long size, boolean shared) {
            throw new UnsupportedOperationException();
        }

        @Override
        public FileLock tryLock(long position, long size, boolean shared) {
            throw new UnsupportedOperationException();
        }
    }

    @Override
    public DirectoryStream<Path> newDirectoryStream(
            Path path, DirectoryStream.Filter<? super Path> filter) throws IOException {
        List<Path> children = new ArrayList<>();
        ((Directory) require(path, true)).now.keySet().forEach(n -> children.add(path.resolve(n)));
        return new DirectoryStream<>() {
            @Override
            public Iterator<Path> iterator() {
                return children.iterator();
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public void createDirectory(Path path, FileAttribute<?>... attributes) throws IOException {
        if (find(path, false) != null) {
            throw new FileAlreadyExistsException(path.toString());
        }
        step(Wants.ROOM);
        put(path, new Directory());
    }

    @Override
    public void createSymbolicLink(Path path, Path target, FileAttribute<?>... attributes)
            throws IOException {
        if (find(path, false) != null) {
            throw new FileAlreadyExistsException(path.toString());
        }
        step(Wants.ROOM);
        put(path, new Link(target.toString()));
    }

    @Override
    public Path readSymbolicLink(Path path) throws IOException {
        return fileSystem.getPath(((Link) require(path, false)).target);
    }

    @Override
    public void delete(Path path) throws IOException {
        require(path, false);
        step(Wants.NO_ROOM);
        Directory directory = directoryOf(path);
        directory.now.remove("" + path.getFileName());
        directory.changed();
    }

    /** rename(2). */
    @Override
    public void move(Path from, Path to, CopyOption... options) throws IOException {
        Node node = require(from, false);
        step(Wants.ROOM);
        Directory directory = directoryOf(from);
        directory.now.remove("" + from.getFileName());
        directory.now.put("" + to.getFileName(), node);
        directory.changed();
    }

    /** What is not a link can be told apart without looking at it. */
    private record Attributes(Node node) implements BasicFileAttributes {
        @Override
        public boolean isRegularFile() {
            return node instanceof Data;
        }

        @Override
        public boolean isDirectory() {
            return node instanceof Directory;
        }

        @Override
        public boolean isSymbolicLink() {
            return node instanceof Link;
        }

        @Override
        public boolean isOther() {
            return false;
        }

        @Override
        public long size() {
            return node instanceof Data file ? file.now.length : 0;
        }

        @Override
        public Object fileKey() {
            return node;
        }

        @Override
        public FileTime lastModifiedTime() {
            return FileTime.fromMillis(0);
        }

        @Override
        public FileTime lastAccessTime() {
            return FileTime.fromMillis(0);
        }

        @Override
        public FileTime creationTime() {
            return FileTime.fromMillis(0);
        }
    }

    private static boolean follows(LinkOption... options) {
        return !List.of(options).contains(LinkOption.NOFOLLOW_LINKS);
    }

    @Override
    public <A extends BasicFileAttributes> A readAttributes(
            Path path, Class<A> type, LinkOption... options) throws IOException {
        return type.cast(new Attributes(require(path, follows(options))));
    }

    @Override
    public Map<String, Object> readAttributes(Path path, String names, LinkOption... options)
            throws IOException {
        Attributes all = new Attributes(require(path, follows(options)));
        return Map.of(
                "size", all.size(), "isRegularFile", all.isRegularFile(), "nlink", 1, "uid", 0);
    }

    @Override
    public void checkAccess(Path path, AccessMode... modes) throws IOException {
        require(path, true);
    }

    @Override
    public boolean isSameFile(Path one, Path other) throws IOException {
        return require(one, true) == require(other, true);
    }

    @Override
    public boolean isHidden(Path path) {
        return false;
    }

    @Override
    public String getScheme() {
        return "model";
    }

    @Override
    public ModelPath.Of newFileSystem(URI uri, Map<String, ?> env) {
        throw new UnsupportedOperationException();
    }

    @Override
    public ModelPath.Of getFileSystem(URI uri) {
        return fileSystem;
    }

    @Override
    public Path getPath(URI uri) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void copy(Path from, Path to, CopyOption... options) {
        throw new UnsupportedOperationException();
    }

    @Override
    public FileStore getFileStore(Path path) {
        throw new UnsupportedOperationException();
    }

    @Override
    public <V extends FileAttributeView> V getFileAttributeView(
            Path path, Class<V> type, LinkOption... options) {
        return null;
    }

    @Override
    public void setAttribute(Path path, String name, Object value, LinkOption... options) {
        throw new UnsupportedOperationException();
    }
}
