package jcriu.restore;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.image.ImageCodec;
import jcriu.image.ImageDir;
import jcriu.image.ImageReader;
import jcriu.image.ImageType;
import jcriu.image.ImageWriter;
import jcriu.image.VmaStatus;
import jcriu.image.proto.core_entry;
import jcriu.image.proto.fd_types;
import jcriu.image.proto.fdinfo_entry;
import jcriu.image.proto.file_entry;
import jcriu.image.proto.fs_entry;
import jcriu.image.proto.jcriu_task;
import jcriu.image.proto.mm_entry;
import jcriu.image.proto.pagemap_entry;
import jcriu.image.proto.pagemap_head;
import jcriu.image.proto.pstree_entry;
import jcriu.image.proto.remap_file_path_entry;
import jcriu.image.proto.remap_type;
import jcriu.image.proto.vma_entry;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that somebody changed on purpose: each is refused before the first process is made. */
class HostileImagesTest {
    @TempDir Path directory;
    private ImageDir images;
    private int pid;

    @BeforeEach
    void unpack() throws IOException {
        unpack("epoll");
    }

    private void unpack(String name) throws IOException {
        for (Map.Entry<String, byte[]> image : GoodImages.read(name).entrySet()) {
            Files.write(directory.resolve(image.getKey()), image.getValue());
        }
        images = new ImageDir(directory);
        pid = ImageCheck.read(images).tree().get(0).pid;
    }

    /** Replaces all entries of an image by what the change makes of them. */
    @SuppressWarnings("unchecked")
    private <T extends Message> void change(
            ImageType type, Object id, UnaryOperator<List<T>> change) {
        List<T> entries;
        try (ImageReader in = images.reader(type, id)) {
            entries = new ArrayList<>((List<T>) in.readAll(ImageCodec.plain(type)));
        }
        entries = change.apply(entries);
        try (ImageWriter out = images.writer(type, id)) {
            entries.forEach(out::write);
        }
    }

    private <T extends Message> void first(ImageType type, Object id, UnaryOperator<T> change) {
        this.<T>change(
                type,
                id,
                entries -> {
                    entries.set(0, change.apply(entries.get(0)));
                    return entries;
                });
    }

    private void refused(String message) {
        JcriuException e = assertThrows(JcriuException.class, () -> ImageCheck.read(images));
        assertEquals(Kind.IMAGE, e.kind(), e.what());
        assertTrue(e.what().contains(message), e.what());
    }

    private int tableId() {
        return ImageCheck.read(images).tree().get(0).filesId;
    }

    @Test
    void shouldRefuseAPidThatCannotBe() {
        this.<pstree_entry>first(
                ImageType.PSTREE, 0, e -> e.toBuilder().setPid(-5).setThreads(0, -5).build());
        refused("pstree.img: task 4294967291 is impossible");
    }

    @Test
    void shouldRefuseAThreadOfTwoTasks() {
        this.<pstree_entry>change(
                ImageType.PSTREE,
                0,
                all -> {
                    all.add(all.get(0).toBuilder().setPid(77).setPpid(pid).build());
                    return all;
                });
        refused("pstree.img: task 77 is impossible");
        this.<pstree_entry>change(
                ImageType.PSTREE,
                0,
                all -> {
                    all.set(1, all.get(1).toBuilder().setThreads(0, 77).addThreads(pid).build());
                    return all;
                });
        refused("pstree.img: thread " + pid + " is impossible or double");
    }

    @Test
    void shouldRefuseAParentThatComesLater() {
        this.<pstree_entry>change(
                ImageType.PSTREE,
                0,
                all -> {
                    pstree_entry root = all.get(0);
                    all.add(root.toBuilder().setPid(77).setPpid(78).setThreads(0, 77).build());
                    all.add(root.toBuilder().setPid(78).setPpid(77).setThreads(0, 78).build());
                    return all;
                });
        refused("pstree.img: task 77 has no parent 78");
    }

    @Test
    void shouldRefuseDescriptorsThatCannotBe() {
        int table = tableId();
        this.<fdinfo_entry>first(ImageType.FDINFO, table, e -> e.toBuilder().setFd(-1).build());
        refused("descriptor 4294967295 is impossible");
        this.<fdinfo_entry>first(
                ImageType.FDINFO, table, e -> e.toBuilder().setFd(Integer.MAX_VALUE).build());
        refused("descriptor 2147483647 is impossible");
        this.<fdinfo_entry>change(
                ImageType.FDINFO,
                table,
                all -> {
                    all.set(0, all.get(1));
                    return all;
                });
        refused("is there twice");
        this.<fdinfo_entry>first(ImageType.FDINFO, table, e -> e.toBuilder().setId(999).build());
        refused("files.img: has no file 999, which is descriptor");
    }

    @Test
    void shouldRefusePathsThatNoKernelPrints() {
        for (String path : List.of("", "etc/x", "/tmp/../etc/x", "/tmp/..", "/a\0b", "/./x")) {
            this.<file_entry>change(
                    ImageType.FILES,
                    0,
                    all -> {
                        for (int i = 0; i < all.size(); i++) {
                            if (all.get(i).hasReg()) {
                                file_entry.Builder file = all.get(i).toBuilder();
                                file.getRegBuilder().setName(path);
                                all.set(i, file.build());
                                break;
                            }
                        }
                        return all;
                    });
            refused("has an impossible path");
        }
    }

    @Test
    void shouldRefuseMappingsThatCannotBe() {
        mm_entry good = ImageCheck.read(images).tree().get(0).mm;
        for (long[] range :
                new long[][] {
                    {0x1001, 0x3000},
                    {0x3000, 0x1000},
                    {-8192, -4096},
                    {0x1000, 0x7ffffffff001L},
                    {0x1000, 0x7ffffffff000L}
                }) {
            this.<mm_entry>first(
                    ImageType.MM,
                    pid,
                    e -> {
                        mm_entry.Builder mm = good.toBuilder();
                        mm.getVmasBuilder(0).setStart(range[0]).setEnd(range[1]);
                        return mm.build();
                    });
            refused("is impossible");
        }
    }

    @Test
    void shouldNotApplyAdviceThatThrowsContentAway() {
        int madviseRemove = 9;
        this.<mm_entry>first(
                ImageType.MM,
                pid,
                e -> {
                    mm_entry.Builder mm = e.toBuilder();
                    mm.getVmasBuilder(0).setMadv(1L << madviseRemove);
                    return mm.build();
                });
        refused("is impossible");
    }

    @Test
    void shouldRefusePagesOutsideOfMappings() {
        int id;
        try (ImageReader in = images.reader(ImageType.PAGEMAP, pid)) {
            id = in.requireNext(pagemap_head.parser()).getPagesId();
        }
        try (ImageWriter out = images.writer(ImageType.PAGEMAP, pid)) {
            out.write(pagemap_head.newBuilder().setPagesId(id).build());
            out.write(
                    pagemap_entry
                            .newBuilder()
                            .setVaddr(0x1000)
                            .setCompatNrPages(1)
                            .setNrPages(1)
                            .setFlags(4)
                            .build());
        }
        refused("run at 0x1000 is outside all mappings");
    }

    /** Written there, they would change the file. */
    @Test
    void shouldRefusePagesOfSharedMappings() {
        LoadedTask task = ImageCheck.read(images).tree().get(0);
        long page = task.pages.runs().start(0);
        for (int status : new int[] {VmaStatus.FILE_SHARED, VmaStatus.ANON_SHARED}) {
            this.<mm_entry>first(
                    ImageType.MM,
                    pid,
                    e -> {
                        mm_entry.Builder mm = task.mm.toBuilder();
                        for (vma_entry.Builder vma : mm.getVmasBuilderList()) {
                            if (vma.getStart() <= page && page < vma.getEnd()) {
                                vma.setStatus(VmaStatus.REGULAR | status)
                                        .setShmid(task.mm.getExeFileId());
                            }
                        }
                        return mm.build();
                    });
            refused("run at 0x" + Long.toHexString(page) + " is outside all mappings with pages");
        }
    }

    private void changeFile(Predicate<file_entry> which, UnaryOperator<file_entry.Builder> change) {
        this.<file_entry>change(
                ImageType.FILES,
                0,
                all ->
                        all.stream()
                                .map(
                                        file ->
                                                which.test(file)
                                                        ? change.apply(file.toBuilder()).build()
                                                        : file)
                                .toList());
    }

    /** What was in the FIFO would be written to the file. */
    @Test
    void shouldRefuseAFifoThatIsAFile() throws IOException {
        unpack("fifo");
        int regular = 0100644;
        changeFile(
                file -> file.getReg().getName().endsWith(".fifo"),
                file -> {
                    file.getRegBuilder().setMode(regular);
                    return file;
                });
        refused(" is none: /");
    }

    @Test
    void shouldRefuseSignalsToProcessesOutsideTheTree() {
        changeFile(
                file -> file.getType() == fd_types.EVENTFD,
                file -> {
                    file.getEfdBuilder().getFownBuilder().setPidType(1).setPid(1).setSignum(9);
                    return file;
                });
        refused("sends its signals to 1, outside the tree");
    }

    /** The restore removes the link when the tree runs. */
    @Test
    void shouldRefuseALinkThatNoDumpMakes() {
        int id;
        try (ImageReader in = images.reader(ImageType.FILES, 0)) {
            id =
                    in.readAll(file_entry.parser()).stream()
                            .filter(file_entry::hasReg)
                            .findFirst()
                            .orElseThrow()
                            .getId();
        }
        try (ImageWriter out = images.writer(ImageType.REMAP_FPATH)) {
            out.write(
                    remap_file_path_entry
                            .newBuilder()
                            .setOrigId(id)
                            .setRemapId(id)
                            .setRemapType(remap_type.LINKED)
                            .build());
        }
        refused("remap-fpath.img: no dump makes the link /");
        for (String name : List.of("/etc/link_remap.7", "/etc/link_remap.7/x")) {
            changeFile(
                    file -> file.getId() == id,
                    file -> {
                        file.getRegBuilder().setName(name);
                        return file;
                    });
            if (name.endsWith("7")) {
                ImageCheck.read(images);
            } else {
                refused("no dump makes the link " + name);
            }
        }
    }

    @Test
    void shouldRefuseSignalsAndNamesThatCannotBe() {
        core_entry good = ImageCheck.read(images).tree().get(0).cores.get(0);
        this.<core_entry>first(
                ImageType.CORE,
                pid,
                e -> {
                    core_entry.Builder core = good.toBuilder();
                    core.getTcBuilder()
                            .getSignalsSBuilder()
                            .addSignalsBuilder()
                            .setSiginfo(ByteString.copyFrom(new byte[3]));
                    return core.build();
                });
        refused("has an impossible pending signal");
        this.<core_entry>first(
                ImageType.CORE,
                pid,
                e -> {
                    core_entry.Builder core = good.toBuilder();
                    core.getTcBuilder().setComm("sixteen letters.");
                    return core.build();
                });
        refused("has an impossible name");
    }

    @Test
    void shouldRefuseDirectoriesOfAThreadThatIsNotThere() {
        fs_entry fs = ImageCheck.read(images).tree().get(0).fs;
        for (int owner : new int[] {pid, 77}) {
            this.<jcriu_task>first(
                    ImageType.JCRIU_TASKS,
                    0,
                    e -> {
                        jcriu_task.Builder task = e.toBuilder();
                        task.getThreadsBuilder(0).setFs(fs).setFsOwner(owner);
                        return task.build();
                    });
            refused("thread " + pid + " cannot share directories with thread " + owner);
        }
    }

    @Test
    void shouldRefuseAZombieThatASignalStopped() {
        this.<core_entry>first(
                ImageType.CORE,
                pid,
                e -> {
                    core_entry.Builder core = e.toBuilder();
                    core.getTcBuilder().setTaskState(6).setExitCode(19);
                    return core.build();
                });
        refused("no process ends by signal 19");
    }

    @Test
    void shouldNotFollowLinksOutOfTheDirectory(@TempDir Path elsewhere) throws IOException {
        Path image = images.path(ImageType.FILES);
        Path moved = elsewhere.resolve("files.img");
        Files.move(image, moved);
        Files.createSymbolicLink(image, moved);
        refused("files.img: is not a regular file");
    }

    @Test
    void shouldNotRestoreWhatAnotherUserWrote() throws IOException {
        Path image = images.path(ImageType.FILES);
        assumeTrue(
                (Integer) Files.getAttribute(directory, "unix:uid") == 0, "only root gives away");
        ImageDir ours = images.trusting(1000); // root's files are good for everybody
        ImageCheck.read(ours);
        Files.setAttribute(image, "unix:uid", 1001);
        JcriuException e = assertThrows(JcriuException.class, () -> ImageCheck.read(ours));
        assertEquals(Kind.RESTORE_REFUSED, e.kind());
        assertTrue(e.what().contains("belongs to user 1001"), e.what());
        Files.setAttribute(image, "unix:uid", 1000);
        ImageCheck.read(ours);
        Files.setAttribute(directory, "unix:uid", 1001);
        assertThrows(JcriuException.class, () -> images.trusting(0));
    }
}
