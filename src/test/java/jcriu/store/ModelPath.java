package jcriu.store;

import java.io.IOException;
import java.net.URI;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/** A path on a {@link ModelDisk}: spelled as any other. */
record ModelPath(ModelPath.Of disk, Path spelled) implements Path {
    private Path of(Path path) {
        return path == null ? null : new ModelPath(disk, path);
    }

    private static Path spelled(Path other) {
        return other instanceof ModelPath path ? path.spelled : other;
    }

    @Override
    public FileSystem getFileSystem() {
        return disk;
    }

    @Override
    public boolean isAbsolute() {
        return spelled.isAbsolute();
    }

    @Override
    public Path getRoot() {
        return of(spelled.getRoot());
    }

    @Override
    public Path getFileName() {
        return of(spelled.getFileName());
    }

    @Override
    public Path getParent() {
        return of(spelled.getParent());
    }

    @Override
    public int getNameCount() {
        return spelled.getNameCount();
    }

    @Override
    public Path getName(int index) {
        return of(spelled.getName(index));
    }

    @Override
    public Path subpath(int begin, int end) {
        return of(spelled.subpath(begin, end));
    }

    @Override
    public boolean startsWith(Path other) {
        return spelled.startsWith(spelled(other));
    }

    @Override
    public boolean endsWith(Path other) {
        return spelled.endsWith(spelled(other));
    }

    @Override
    public Path normalize() {
        return of(spelled.normalize());
    }

    @Override
    public Path resolve(Path other) {
        return of(spelled.resolve(spelled(other)));
    }

    @Override
    public Path relativize(Path other) {
        return of(spelled.relativize(spelled(other)));
    }

    @Override
    public URI toUri() {
        return spelled.toUri();
    }

    @Override
    public Path toAbsolutePath() {
        return this;
    }

    @Override
    public Path toRealPath(LinkOption... options) throws IOException {
        return disk.disk.realPath(this);
    }

    @Override
    public WatchKey register(
            WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
        throw new UnsupportedOperationException();
    }

    @Override
    public int compareTo(Path other) {
        return spelled.compareTo(spelled(other));
    }

    @Override
    public Iterator<Path> iterator() {
        Iterator<Path> names = spelled.iterator();
        return new Iterator<>() {
            @Override
            public boolean hasNext() {
                return names.hasNext();
            }

            @Override
            public Path next() {
                return of(names.next());
            }
        };
    }

    @Override
    public String toString() {
        return spelled.toString();
    }

    /** The file system that such paths belong to. */
    static final class Of extends FileSystem {
        private final ModelDisk disk;

        Of(ModelDisk disk) {
            this.disk = disk;
        }

        @Override
        public FileSystemProvider provider() {
            return disk;
        }

        @Override
        public Path getPath(String first, String... more) {
            return new ModelPath(this, Path.of(first, more));
        }

        @Override
        public void close() {}

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public boolean isReadOnly() {
            return false;
        }

        @Override
        public String getSeparator() {
            return "/";
        }

        @Override
        public Iterable<Path> getRootDirectories() {
            return List.of(getPath("/"));
        }

        @Override
        public Iterable<FileStore> getFileStores() {
            return List.of();
        }

        @Override
        public Set<String> supportedFileAttributeViews() {
            return Set.of("basic", "unix");
        }

        @Override
        public PathMatcher getPathMatcher(String pattern) {
            throw new UnsupportedOperationException();
        }

        @Override
        public UserPrincipalLookupService getUserPrincipalLookupService() {
            throw new UnsupportedOperationException();
        }

        @Override
        public WatchService newWatchService() {
            throw new UnsupportedOperationException();
        }
    }
}
