package jcriu.inspect;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import jcriu.errors.Interruption;
import jcriu.errors.JcriuException;
import jcriu.image.FileDigest;
import jcriu.image.FileRecord;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.Manifest;
import jcriu.progress.Progress;
import jcriu.store.PageDigests;
import jcriu.store.PageTarget;
import jcriu.store.Pagemap;
import jcriu.store.PagemapRun;
import jcriu.store.PagesFile;
import jcriu.store.Runs;
import jcriu.store.Superseded;

/**
 * Reads all of a checkpoint and its parents and compares it with what was noted when it was dumped:
 * each file with the manifest, each page with its digest.
 */
public final class Verification {
    private static final int CHUNK = 256 << 10;
    private static final int PAGE = PagemapRun.PAGE_SIZE;

    private final Consumer<String> out;
    private final ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
    private Owners owners;
    private long faults;
    private int checkpointsAtFault;
    private int checkpoints;

    private Verification(Consumer<String> out) {
        this.out = out;
    }

    /**
     * What was found.
     *
     * @param checkpoints the one that was asked for and its parents
     * @param atFault how many of them have a fault
     * @param faults damaged pages in one piece count once
     */
    public record Result(int checkpoints, int atFault, long faults) {}

    /**
     * Checks a checkpoint and its parents.
     *
     * @param out takes a line for each fault, and one for each checkpoint without any
     */
    public static Result run(Path directory, Consumer<String> out) {
        Verification verification = new Verification(out);
        try {
            verification.chain(Chain.read(new ImageDir(directory), new HashMap<>()));
        } finally {
            Progress.end();
        }
        return new Result(
                verification.checkpoints, verification.checkpointsAtFault, verification.faults);
    }

    private void chain(Chain chain) {
        List<Checkpoint> all = chain.checkpoints();
        checkpoints = all.size();
        Progress.begin("verify", all.stream().mapToLong(Checkpoint::bytes).sum());
        ImageDir mappings = all.get(0).images();
        for (int i = 0; i < all.size(); i++) {
            Checkpoint checkpoint = all.get(i);
            if (checkpoint.complete() && !checkpoint.preDump()) {
                mappings = checkpoint.images();
            }
            owners = new Owners(mappings);
            long before = faults;
            Set<String> named = new HashSet<>();
            for (String fault : checkpoint.faults()) {
                fault(checkpoint, fault);
            }
            chain.brokenLink(i).ifPresent(fault -> fault(checkpoint, fault));
            if (checkpoint.complete()) {
                if (faults == before && i == 0) {
                    checkpoint.unresolved().ifPresent(fault -> fault(checkpoint, fault));
                }
                content(checkpoint, named, before);
            }
            checkpointsAtFault += faults > before ? 1 : 0;
        }
    }

    private void fault(Checkpoint checkpoint, String what) {
        faults++;
        out.accept("damaged  " + checkpoint.directory() + ": " + what);
    }

    private void content(Checkpoint checkpoint, Set<String> damagedFiles, long before) {
        Optional<Manifest> manifest = checkpoint.manifest();
        long files = manifest.isPresent() ? digested(checkpoint, damagedFiles) : 0;
        if (manifest.isEmpty()) {
            heads(checkpoint, damagedFiles);
        }
        long checked = 0;
        for (int i = 0; i < checkpoint.targets().size(); i++) {
            checked += pages(checkpoint, i, damagedFiles);
        }
        if (faults > before) {
            return;
        }
        long unchecked = checkpoint.pagesNew() - checked;
        String figures =
                checkpoint.kind()
                        + " of "
                        + Listing.date(checkpoint.when())
                        + ", "
                        + (manifest.isPresent() ? files : checkpoint.sizes().size())
                        + " files, "
                        + checkpoint.pagesNew()
                        + " pages";
        if (manifest.isEmpty()) {
            out.accept(
                    "unsure   "
                            + checkpoint.directory()
                            + ": "
                            + figures
                            + "; no manifest: only the heads of files, the runs of pages"
                            + (checked > 0 ? ", and pages that have digests" : "")
                            + " were checked");
        } else if (unchecked > 0) {
            out.accept(
                    "ok       "
                            + checkpoint.directory()
                            + ": "
                            + figures
                            + ", "
                            + unchecked
                            + " of them without digests: of these only the number was checked");
        } else {
            out.accept("ok       " + checkpoint.directory() + ": " + figures);
        }
    }

    /** Compares every file that has a digest; returns how many files there are. */
    private int digested(Checkpoint checkpoint, Set<String> damagedFiles) {
        List<FileRecord> files = checkpoint.manifest().orElseThrow().files();
        for (FileRecord file : files) {
            Interruption.check();
            long size = checkpoint.sizes().getOrDefault(file.name(), -1L);
            if (file.digest().isEmpty()) {
                continue;
            }
            if (size != file.size()) {
                damagedFiles.add(file.name()); // it has been named
                continue;
            }
            Path path = checkpoint.directory().resolve(file.name());
            try {
                if (!digest(path).equals(file.digest().get())) {
                    damagedFiles.add(file.name());
                    fault(checkpoint, file.name() + " is not what was dumped");
                }
            } catch (IOException e) {
                damagedFiles.add(file.name());
                fault(checkpoint, file.name() + " cannot be read: " + e.getMessage());
            }
        }
        return files.size();
    }

    private FileDigest digest(Path path) throws IOException {
        FileDigest.Stream digest = new FileDigest.Stream();
        try (FileChannel in =
                FileChannel.open(path, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            while (in.read(chunk.clear()) > 0) {
                Progress.step(chunk.position());
                digest.put(chunk.flip());
            }
        }
        return digest.get();
    }

    /** Without a manifest: does every file begin as its kind does? */
    private void heads(Checkpoint checkpoint, Set<String> damagedFiles) {
        checkpoint
                .sizes()
                .forEach(
                        (name, size) -> {
                            ImageType type = ImageType.ofFileName(name);
                            Progress.step(type == ImageType.PAGES ? 0 : size);
                            try {
                                checkpoint.images().readerOf(name).close();
                            } catch (JcriuException e) {
                                damagedFiles.add(name);
                                fault(checkpoint, e.what());
                            }
                        });
    }

    /** Compares the pages of a target with their digests; returns how many have one. */
    private long pages(Checkpoint checkpoint, int target, Set<String> damagedFiles) {
        Pagemap pagemap = checkpoint.pagemap(target);
        if (pagemap.presentBytes() == 0) {
            return 0;
        }
        String digestFile = ImageType.JCRIU_DIGESTS.fileName(pagemap.pagesId());
        if (damagedFiles.contains(digestFile)) {
            return 0; // what it says proves nothing
        }
        try (PagesFile pages = PagesFile.open(checkpoint.images(), pagemap)) {
            Optional<PageDigests> digests = PageDigests.read(checkpoint.images(), pagemap);
            if (digests.isEmpty()) {
                Progress.step(pages.sizeBytes());
                return 0;
            }
            Damage damage = new Damage(checkpoint, checkpoint.targets().get(target), pages);
            Runs gone = gone(checkpoint, checkpoint.targets().get(target));
            for (PagemapRun run : pagemap.runs()) {
                if (run.present()) {
                    compare(run, gone, pages, digests.get(), damage);
                }
            }
            damage.close();
            return pagemap.presentBytes() / PAGE;
        } catch (JcriuException e) {
            fault(checkpoint, e.what());
            return 0;
        }
    }

    /** Pages that dedup has taken out: nothing is wrong with them. */
    private static Runs gone(Checkpoint checkpoint, PageTarget target) {
        return Superseded.read(checkpoint.images())
                .map(record -> record.of(target))
                .orElse(new Runs());
    }

    private void compare(
            PagemapRun run, Runs gone, PagesFile pages, PageDigests digests, Damage damage) {
        Runs all = new Runs();
        all.add(run.vaddr(), run.end());
        Runs there = all.minus(gone);
        for (int i = 0; i < there.size(); i++) {
            PagemapRun part =
                    new PagemapRun(
                            there.start(i),
                            (there.end(i) - there.start(i)) / PAGE,
                            run.flags(),
                            run.pagesOffset() + there.start(i) - run.vaddr());
            compare(part, pages, digests, damage);
        }
        Progress.step(run.lengthBytes() - there.bytes());
    }

    private void compare(PagemapRun run, PagesFile pages, PageDigests digests, Damage damage) {
        byte[] page = new byte[PAGE];
        for (long done = 0; done < run.lengthBytes(); done += CHUNK) {
            Interruption.check();
            int length = (int) Math.min(CHUNK, run.lengthBytes() - done);
            long offset = run.pagesOffset() + done;
            boolean readable = read(pages, offset, chunk.clear().limit(length));
            chunk.flip();
            for (int at = 0; at < length; at += PAGE) {
                boolean there = readable || read(pages, offset + at, chunk.clear().limit(PAGE));
                if (there) {
                    chunk.get(readable ? at : 0, page);
                }
                if (!there || !digests.matches((offset + at) / PAGE, page)) {
                    damage.add(run.vaddr() + done + at, offset + at);
                }
            }
            Progress.step(length);
        }
    }

    /** Whether it could be read: a disk may fail at one place only. */
    private static boolean read(PagesFile pages, long offset, ByteBuffer to) {
        try {
            pages.read(offset, to);
            return true;
        } catch (JcriuException e) {
            return false;
        }
    }

    /** Damaged pages that stand together, in the file and in memory, are one fault. */
    private final class Damage {
        private final Checkpoint checkpoint;
        private final PageTarget target;
        private final String file;
        private long address;
        private long offset;
        private long bytes;
        private String owner;

        Damage(Checkpoint checkpoint, PageTarget target, PagesFile pages) {
            this.checkpoint = checkpoint;
            this.target = target;
            this.file = pages.path().getFileName().toString();
        }

        void add(long newAddress, long newOffset) {
            String newOwner = owners.of(target, newAddress);
            if (bytes > 0
                    && newAddress == address + bytes
                    && newOffset == offset + bytes
                    && newOwner.equals(owner)) {
                bytes += PAGE;
                return;
            }
            close();
            address = newAddress;
            offset = newOffset;
            bytes = PAGE;
            owner = newOwner;
        }

        void close() {
            if (bytes == 0) {
                return;
            }
            String what =
                    bytes == PAGE
                            ? "the page at 0x" + Long.toHexString(address)
                            : bytes / PAGE + " pages from 0x" + Long.toHexString(address) + " on";
            fault(checkpoint, file + " at byte " + offset + ": " + what + ", of " + owner);
            bytes = 0;
        }
    }
}
