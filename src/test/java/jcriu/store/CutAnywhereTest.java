package jcriu.store;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.kenai.jffi.MemoryIO;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import jcriu.errors.ImageFormatException;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.Manifest;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.jcriu_checkpoint_kind;
import jcriu.memory.LocalXfer;
import jcriu.memory.PagesOut;
import jcriu.memory.Workers;
import jcriu.store.ModelDisk.Fault;
import org.junit.jupiter.api.Test;

/**
 * Chains of three on a disk that fails: at every write, sync, rename and punch, in every way. What
 * is read afterwards is what was dumped, to the byte, or is refused; the last checkpoint that was
 * complete can be restored, and the same work done again ends as if nothing had been.
 */
class CutAnywhereTest {
    private static final int PAGE = PagemapRun.PAGE_SIZE;
    private static final int SPACE = 6;
    private static final Workers WORKERS = new Workers();
    private static final PageTarget LARGE = PageTarget.object(9);
    private static final List<PageTarget> TARGETS = List.of(PageTarget.task(7), LARGE);

    /** So much that it is reserved before. */
    private static final long ROOM = 4 << 20;

    private static final jcriu_checkpoint_kind DUMP = jcriu_checkpoint_kind.JCRIU_DUMP;
    private static final jcriu_checkpoint_kind PRE_DUMP = jcriu_checkpoint_kind.JCRIU_PRE_DUMP;

    /** Of each target, the content of its pages by number. */
    private record Memory(Map<PageTarget, TreeMap<Integer, byte[]>> pages) {
        static Memory empty() {
            Memory memory = new Memory(new LinkedHashMap<>());
            TARGETS.forEach(target -> memory.pages.put(target, new TreeMap<>()));
            return memory;
        }

        /** Some pages are written, some given up. */
        Memory later(Random random) {
            Memory later = empty();
            for (PageTarget target : TARGETS) {
                for (int page = 0; page < SPACE; page++) {
                    byte[] before = pages.get(target).get(page);
                    int what = random.nextInt(5);
                    if (what < 2) {
                        byte[] content = new byte[PAGE];
                        random.nextBytes(content);
                        later.pages.get(target).put(page, content);
                    } else if (what < 4 && before != null) {
                        later.pages.get(target).put(page, before);
                    }
                }
            }
            return later;
        }
    }

    /** Work that may be cut. */
    private enum Work {
        DUMP,
        DUMP_OVER_AN_OLD_ONE,
        AUTO_DEDUP,
        DEDUP,
        /** The newest was dumped with --no-sync. */
        DEDUP_UNSYNCED,
        RESTORE
    }

    private final ModelDisk disk = new ModelDisk();
    private final Punch punch = new Punch();
    private final List<Memory> memories = new ArrayList<>();

    /** Holes on the model. */
    private final class Punch implements HolePunch {
        private boolean supported = true;

        @Override
        public void before(Step step) {}

        @Override
        public boolean supported(Path pages) {
            return supported;
        }

        @Override
        public Runs data(Path pages, Runs offsets) {
            try {
                return NonZeroPages.in(Files.readAllBytes(pages), offsets);
            } catch (IOException e) {
                throw new JcriuException(Kind.IO, "cannot read " + pages, e);
            }
        }

        @Override
        public void punch(Path pages, Runs offsets) {
            try {
                for (int i = 0; i < offsets.size(); i++) {
                    disk.punch(pages, offsets.start(i), offsets.end(i));
                }
            } catch (IOException e) {
                throw new JcriuException(Kind.IO, "cannot punch " + pages, e);
            }
        }
    }

    private ImageDir images(int n) {
        return new ImageDir(disk.path("" + n));
    }

    private void dump(int n, Memory memory, Optional<Memory> before, jcriu_checkpoint_kind kind)
            throws IOException {
        dump(n, memory, before, kind, true);
    }

    /** In the order of a dump. */
    private void dump(
            int n, Memory memory, Optional<Memory> before, jcriu_checkpoint_kind kind, boolean sync)
            throws IOException {
        ImageDir images = images(n);
        List<PageXfer> xfers = new ArrayList<>();
        try {
            images.begin();
            if (before.isPresent()) {
                images.linkParent(Path.of("..", "" + (n - 1)));
            }
            for (PageTarget target : TARGETS) {
                PageXfer xfer =
                        new LocalXfer(
                                images,
                                target,
                                xfers.size() + 1,
                                WORKERS,
                                LocalXfer.Digesting.AT_ONCE,
                                disk::create);
                xfers.add(xfer);
                xfer.expect(target.equals(LARGE) ? ROOM : 0);
            }
            for (int i = 0; i < TARGETS.size(); i++) {
                PageTarget target = TARGETS.get(i);
                fill(xfers.get(i), memory.pages.get(target), before.map(m -> m.pages.get(target)));
            }
            xfers.forEach(PageXfer::finish);
            inventory_entry.Builder inventory = inventory_entry.newBuilder().setImgVersion(2);
            if (kind == PRE_DUMP) {
                inventory.setPreDumpMode(1);
            }
            images.stageInventory(
                    inventory.build(),
                    Optional.of(
                            Manifest.head(UUID.randomUUID(), kind)
                                    .setPagesNew(0)
                                    .setPagesParent(0)
                                    .build()));
            if (sync) {
                disk.forceAll();
            }
            images.renameInventory();
        } catch (RuntimeException | IOException e) {
            xfers.forEach(PageXfer::close);
            images.deleteWritten();
            throw e;
        }
        xfers.forEach(PageXfer::close);
        if (sync) {
            images.syncDirectory();
        }
    }

    /** Not in the order of the addresses: several threads may do it. */
    private void fill(
            PageXfer xfer,
            TreeMap<Integer, byte[]> memory,
            Optional<TreeMap<Integer, byte[]>> before) {
        Runs unchanged = new Runs();
        Runs data = new Runs();
        Runs odd = new Runs();
        memory.forEach(
                (page, content) -> {
                    boolean same = before.isPresent() && before.get().get(page) == content;
                    (same ? unchanged : data).add((long) page * PAGE, (page + 1L) * PAGE);
                    if (!same && page % 2 == 1) {
                        odd.add((long) page * PAGE, (page + 1L) * PAGE);
                    }
                });
        PageXfer.Source source =
                (start, to, length) -> {
                    for (long at = 0; at < length; at += PAGE) {
                        byte[] content = memory.get((int) ((start + at) / PAGE));
                        MemoryIO.getInstance().putByteArray(to + at, content, 0, PAGE);
                    }
                };
        PagesOut.plan(data, unchanged, xfer);
        PagesOut.copy(source, odd, xfer, WORKERS);
        PagesOut.copy(source, data.minus(odd), xfer, WORKERS);
    }

    /** Whether it can be restored; and if so, it is what it was. */
    private boolean isWhole(int n, Memory memory, String where) {
        ImageDir images = images(n).notVerifying(); // digests would find what is wrong
        try {
            images.inventory();
            List<ChainRead> opened = new ArrayList<>();
            for (PageTarget target : TARGETS) {
                opened.add(ChainRead.open(images, target).orElseThrow(() -> lacks(target)));
            }
            for (int i = 0; i < TARGETS.size(); i++) {
                TreeMap<Integer, byte[]> pages = memory.pages.get(TARGETS.get(i));
                ChainRead read = opened.get(i);
                assertEquals((long) pages.size() * PAGE, read.runs().bytes(), where);
                pages.forEach(
                        (page, content) -> {
                            byte[] found = new byte[PAGE];
                            read.read((long) page * PAGE, ByteBuffer.wrap(found));
                            assertArrayEquals(content, found, where + ", page " + page);
                        });
                read.close();
            }
            return true;
        } catch (ImageFormatException e) {
            return false;
        }
    }

    private static ImageFormatException lacks(PageTarget target) {
        return new ImageFormatException(target.fileName(), -1, "is missing");
    }

    private void begin(Random random, Work work) throws IOException {
        disk.mend();
        boolean preDumps = random.nextBoolean();
        Memory memory = Memory.empty();
        for (int n = 0; n < 3; n++) {
            memory = memory.later(random);
            memories.add(memory);
            Files.createDirectory(disk.path("" + n));
            if (n < 2) {
                dump(n, memory, before(n), preDumps && n == 0 ? PRE_DUMP : DUMP);
            }
        }
        switch (work) {
            case DEDUP, DEDUP_UNSYNCED, RESTORE -> {
                disk.forceAll();
                dump(2, memory, before(2), DUMP, work != Work.DEDUP_UNSYNCED);
            }
            case DUMP_OVER_AN_OLD_ONE -> {
                memories.add(Memory.empty().later(random));
                dump(2, memories.get(3), Optional.empty(), DUMP);
            }
            default -> {}
        }
        if (work != Work.DEDUP_UNSYNCED) {
            disk.forceAll();
        }
        disk.mend();
    }

    private Optional<Memory> before(int n) {
        return n == 0 ? Optional.empty() : Optional.of(memories.get(n - 1));
    }

    private void run(Work work) throws IOException {
        if (work == Work.DEDUP || work == Work.DEDUP_UNSYNCED) {
            Dedup.run(images(2), punch, false);
        } else if (work == Work.RESTORE) {
            Dedup.consume(images(2), punch);
        } else {
            dump(2, memories.get(2), Optional.of(memories.get(1)), DUMP);
            if (work == Work.AUTO_DEDUP) {
                Dedup.run(images(2), punch, false);
            }
        }
    }

    /**
     * What must hold wherever it was cut.
     *
     * @param done whether the work itself says that all went well
     */
    private void requireSound(Work work, boolean done, String where) {
        boolean[] whole = new boolean[2];
        for (int n = 0; n < 2; n++) {
            whole[n] = isWhole(n, memories.get(n), where);
        }
        boolean newest =
                switch (work) {
                    case DUMP_OVER_AN_OLD_ONE ->
                            isOld()
                                    ? requireWhole(2, memories.get(3), where)
                                    : isWholeIfComplete(where);
                    case DUMP, AUTO_DEDUP -> isWholeIfComplete(where);
                    case DEDUP_UNSYNCED -> isWholeOrLost(2, memories.get(2), where);
                    case DEDUP, RESTORE -> isWhole(2, memories.get(2), where);
                };
        switch (work) {
            case DUMP, DUMP_OVER_AN_OLD_ONE -> {
                assertTrue(whole[0] && whole[1], where);
                assertTrue(!done || newest && !isOld(), where);
            }
            case AUTO_DEDUP, DEDUP_UNSYNCED -> assertTrue(whole[1] && !done || newest, where);
            case DEDUP -> assertTrue(newest, where);
            case RESTORE -> assertTrue(whole[1], where); // an older dump keeps what it needs
        }
    }

    /** Whether the dump that was there before is still in place. */
    private boolean isOld() {
        return images(2).isComplete() && images(2).parent().isEmpty();
    }

    private boolean requireWhole(int n, Memory memory, String where) {
        assertTrue(isWhole(n, memory, where), where);
        return true;
    }

    /** The newest is complete by its inventory, which is the last to come. */
    private boolean isWholeIfComplete(String where) {
        return images(2).isComplete() && requireWhole(2, memories.get(2), where);
    }

    /** Of what nobody has forced to the disk a power cut may leave anything. */
    private boolean isWholeOrLost(int n, Memory memory, String where) {
        try {
            return isWhole(n, memory, where);
        } catch (AssertionError | JcriuException e) {
            return false;
        }
    }

    private int cutAll(Work work, Fault fault, boolean power, long seed) throws IOException {
        for (int cut = 1; ; cut++) {
            String where = work + ", " + fault + ", power " + power + ", seed " + seed + ", " + cut;
            CutAnywhereTest fresh = new CutAnywhereTest();
            fresh.begin(new Random(seed), work);
            fresh.disk.failAt(cut, fault);
            boolean done = true;
            try {
                fresh.run(work);
            } catch (JcriuException e) {
                assertEquals(Kind.IO, e.kind(), where + ": " + e);
                done = false;
            } catch (IOException | ModelDisk.Killed e) {
                done = false;
            }
            boolean over = fresh.disk.steps() < cut;
            if (over && power && work == Work.DEDUP_UNSYNCED) {
                return cut - 1;
            }
            assertTrue(done || !over, where);
            if (power) {
                fresh.disk.cutPower(new Random(seed + cut));
            }
            fresh.disk.mend();
            fresh.requireSound(work, done, where);
            if (power && work == Work.DEDUP_UNSYNCED) {
                continue; // there may be nothing to do it with
            }
            fresh.run(work);
            assertEquals(
                    work != Work.RESTORE, fresh.isWhole(2, fresh.memories.get(2), where), where);
            if (work == Work.AUTO_DEDUP || work == Work.DEDUP) {
                assertEquals(0, Dedup.run(fresh.images(2), fresh.punch, true).pages(), where);
            }
            if (over) {
                return cut - 1;
            }
        }
    }

    @Test
    void shouldBeWholeOrRefusedWhereverADiskFails() throws IOException {
        long seed = System.nanoTime();
        int cuts = 0;
        for (Work work : Work.values()) {
            for (Fault fault : Fault.values()) {
                for (int round = 0; round < 1; round++) {
                    cuts += cutAll(work, fault, false, seed + round);
                }
            }
        }
        assertTrue(cuts > 300, "only " + cuts + " cuts");
    }

    @Test
    void shouldBeWholeOrRefusedAfterAPowerCut() throws IOException {
        long seed = System.nanoTime();
        int cuts = 0;
        for (Work work : Work.values()) {
            for (int round = 0; round < 2; round++) {
                cuts += cutAll(work, Fault.KILL, true, seed + round);
            }
        }
        assertTrue(cuts > 300, "only " + cuts + " cuts");
    }

    /** It says so once for each directory, and the chain is as it was. */
    @Test
    void shouldGoOnWhereNothingCanBePunched() throws IOException {
        for (Work work : List.of(Work.AUTO_DEDUP, Work.RESTORE)) {
            CutAnywhereTest fresh = new CutAnywhereTest();
            fresh.begin(new Random(1), work);
            fresh.punch.supported = false;
            fresh.run(work);
            for (int n = 0; n < 3; n++) {
                assertTrue(fresh.isWhole(n, fresh.memories.get(n), "" + n));
                assertFalse(fresh.images(n).exists(ImageType.JCRIU_SUPERSEDED));
            }
        }
    }
}
