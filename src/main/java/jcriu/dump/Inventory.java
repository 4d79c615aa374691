package jcriu.dump;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import jcriu.image.ImageDir;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.Manifest;
import jcriu.image.proto.inventory_entry;
import jcriu.image.proto.jcriu_checkpoint_kind;
import jcriu.image.proto.jcriu_manifest;
import jcriu.image.proto.jcriu_track;
import jcriu.image.proto.lsmtype;
import jcriu.image.proto.plugins_entry;
import jcriu.image.proto.task_kobj_ids_entry;
import jcriu.image.proto.timens_entry;
import jcriu.image.proto.timespec;
import jcriu.memory.Tracker;
import jcriu.proc.Uptime;
import jcriu.store.PageXfer;
import jcriu.store.PagemapRun;
import jcriu.sys.Clocks;

/** The head of an images directory, and the clocks of the machine. */
final class Inventory {
    private static final int VERSION = 2;
    private static final int NETWORK_LOCK_SKIP = 2;
    private static final int PRE_DUMP_READ = 2;

    /** Names the images of our IPC namespace. */
    static final int IPC_NS_ID = 3;

    private Inventory() {}

    /** Ids of our own namespaces: small numbers that mean something only within one dump. */
    static task_kobj_ids_entry.Builder namespaces() {
        return task_kobj_ids_entry
                .newBuilder()
                .setPidNsId(1)
                .setNetNsId(2)
                .setIpcNsId(IPC_NS_ID)
                .setUtsNsId(4)
                .setTimeNsId(5)
                .setMntNsId(6)
                .setUserNsId(7)
                .setCgroupNsId(8);
    }

    /**
     * The head of a dump.
     *
     * @param id of the checkpoint
     */
    static inventory_entry make(DumpOptions options, UUID id) {
        inventory_entry.Builder inventory = of(id.toString());
        if (options.trackMem() || options.prevImagesDir().isPresent()) {
            inventory.setDumpUptime(uptimeMicros());
        }
        return inventory.build();
    }

    /** The head of a pre-dump. */
    static inventory_entry makePreDump(UUID id) {
        return of(id.toString())
                .setDumpUptime(uptimeMicros())
                .setPreDumpMode(PRE_DUMP_READ)
                .build();
    }

    /**
     * What the manifest says but for its files.
     *
     * @param pages all that were written
     */
    static jcriu_manifest manifest(
            UUID id,
            jcriu_checkpoint_kind kind,
            ParentImages parent,
            Tracker tracker,
            List<PageXfer> pages) {
        long data = 0;
        long left = 0;
        for (PageXfer target : pages) {
            data += target.dataBytes();
            left += target.parentBytes();
        }
        jcriu_manifest.Builder manifest =
                Manifest.head(id, kind)
                        .setPagesNew(data / PagemapRun.PAGE_SIZE)
                        .setPagesParent(left / PagemapRun.PAGE_SIZE);
        if (parent != null) {
            manifest.setTracker(tracker.name()).addAllFallback(tracker.fallbacks());
            parent.id().ifPresent(parentId -> manifest.setParentId(Manifest.bytes(parentId)));
        }
        return manifest.build();
    }

    private static long uptimeMicros() {
        return Uptime.read().upMs() * 1000;
    }

    private static inventory_entry.Builder of(String runId) {
        return inventory_entry
                .newBuilder()
                .setImgVersion(VERSION)
                .setFdinfoPerId(true)
                .setRootIds(
                        namespaces().setVmId(1).setFilesId(1).setFsId(1).setSighandId(1).build())
                .setNsPerId(true)
                .setRootCgSet(1)
                .setLsmtype(lsmtype.NO_LSM)
                .setNetworkLockMethod(NETWORK_LOCK_SKIP)
                .setPluginsEntry(plugins_entry.getDefaultInstance())
                .setDumpCriuRunId(runId);
    }

    /** Writes what the next dump must know of the marks that the tracker has set, if any. */
    static void writeTrack(ImageDir images, Tracker tracker) {
        Optional<jcriu_track> round = tracker.round();
        if (round.isPresent()) {
            try (ImageWriter out = images.writer(ImageType.JCRIU_TRACK)) {
                out.write(round.get());
            }
        }
    }

    /** Writes the clock readings by which a reader can tell how much time has passed. */
    static void writeClocks(ImageDir images) {
        long[] monotonic = Clocks.read(Clocks.MONOTONIC);
        long[] boottime = Clocks.read(Clocks.BOOTTIME);
        try (ImageWriter out = images.writer(ImageType.TIMENS, 0)) {
            out.write(
                    timens_entry
                            .newBuilder()
                            .setMonotonic(time(monotonic))
                            .setBoottime(time(boottime))
                            .build());
        }
    }

    private static timespec time(long[] secondsAndNanos) {
        return timespec.newBuilder()
                .setTvSec(secondsAndNanos[0])
                .setTvNsec(secondsAndNanos[1])
                .build();
    }
}
