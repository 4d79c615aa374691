package jcriu;

import static jcriu.Launcher.jcriu;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import jcriu.Launcher.Outcome;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Everything that goes wrong says so in three parts, and leaves the target as it was. */
@Tag("live")
class ErrorsIT {
    @TempDir private static Path scratch;
    private static Path program;

    /** A complete dump of a process that is gone, and its pid. */
    private static Path dumped;

    private static int dumpedPid;

    private LiveTarget target;
    private String before;

    @BeforeAll
    static void prepare() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "dump and restore need root");
        program = CCompiler.testee("target", scratch);
        dumped = Files.createDirectory(scratch.resolve("dumped"));
        try (LiveTarget gone = LiveTarget.start(program, scratch, "count", "")) {
            dumpedPid = gone.pid();
            jcriu("dump", "-t", "" + dumpedPid, "-D", dumped.toString()).requireSuccess();
            LiveTarget.await("the end of the target", () -> !gone.alive());
        }
    }

    @Test
    void shouldLetNobodyElseReadImages() throws IOException {
        try (Stream<Path> files = Files.list(dumped)) {
            for (Path file : files.toList()) {
                assertEquals(
                        "rw-------",
                        PosixFilePermissions.toString(
                                Files.getPosixFilePermissions(file, LinkOption.NOFOLLOW_LINKS)),
                        file.toString());
            }
        }
    }

    @BeforeEach
    void startTarget() {
        start("count", "");
    }

    @AfterEach
    void killTarget() {
        target.close();
    }

    @AfterAll
    static void killRestored() {
        LiveTarget.kill(dumpedPid, "KILL");
    }

    private void start(String mode, String argument) {
        if (target != null) {
            target.close();
        }
        target = LiveTarget.start(program, scratch, mode, argument);
        before = target.snapshot();
    }

    private Path images() throws IOException {
        return Files.createTempDirectory(scratch, "images");
    }

    private Outcome dump(Path images) {
        return jcriu("dump", "-t", "" + target.pid(), "-D", images.toString());
    }

    private void requireUnharmed() {
        target.awaitProgress(1);
        assertEquals(before, target.snapshot());
    }

    private static void requireEmpty(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            assertEquals(List.of(), files.toList());
        }
    }

    /** Nothing is kept open for each task: there may be more of them than descriptors. */
    @Test
    void shouldDumpMoreTasksThanItMayOpenFiles() throws IOException {
        int root =
                LiveTarget.detached("sh -c 'for i in $(seq 60); do sleep 1000 & done; sleep 1000'");
        try {
            LiveTarget.await("60 children", () -> children(root) == 61);
            List<String> few = List.of("sh", "-c", "ulimit -n 64 && exec \"$@\"", "sh");
            Path images = images();
            jcriu(few, "dump", "-R", "-t", "" + root, "-D", images.toString()).requireSuccess();
            jcriu("verify", images.toString()).requireSuccess();
            assertEquals(61, children(root));
        } finally {
            LiveTarget.kill(-root, "KILL");
        }
    }

    private static long children(int pid) {
        try {
            String list = Files.readString(Path.of("/proc/" + pid + "/task/" + pid + "/children"));
            return list.isBlank() ? 0 : list.strip().split(" ").length;
        } catch (IOException e) {
            return 0;
        }
    }

    @Test
    void shouldRefuseAPidThatIsNotThere() throws IOException {
        Path images = images();
        jcriu("dump", "-t", "4194000", "-D", images.toString())
                .requireFailure(5, "cannot dump pid 4194000: no such process");
        requireEmpty(images);
    }

    @Test
    void shouldRefuseAKernelThread() throws IOException {
        String comm = Files.readString(Path.of("/proc/2/comm")).strip();
        assumeTrue("kthreadd".equals(comm), "pid 2 is no kernel thread here, but " + comm);
        jcriu("dump", "-t", "2", "-D", images().toString())
                .requireFailure(4, "pid 2 (kthreadd): it is a kernel thread");
    }

    @Test
    void shouldRefuseItsOwnParent() throws IOException {
        Launcher.run(
                        List.of(
                                "bash",
                                "-c",
                                Launcher.SCRIPT + " dump -j -t $$ -D " + images() + "; exit $?"))
                .requireFailure(4, "(bash): it is an ancestor of jcriu");
    }

    @Test
    void shouldRefuseToRestoreAPipeWithoutItsOtherEnd() throws IOException {
        Path images = images();
        Launcher.run(
                        List.of(
                                "bash",
                                "-c",
                                "exec 2>/dev/null 5> >(cat >/dev/null); setsid sleep 1000 </dev/null >&5"
                                        + " 2>/dev/null 5>&- & pid=$!; sleep 0.5; "
                                        + Launcher.SCRIPT
                                        + " dump -t $pid -D "
                                        + images
                                        + " || exit 99; wait $pid; "
                                        + Launcher.SCRIPT
                                        + " restore -d -D "
                                        + images
                                        + " 2>&1"))
                .requireFailure(8, "fd 1 is a pipe whose read end was outside the tree");
    }

    @Test
    void shouldRefuseAProcessWithoutItsFirstThread() throws IOException {
        target.close();
        target = LiveTarget.start(program, scratch, "leaderless", "");
        LiveTarget.await("the exit of its first thread", () -> !target.alive());
        Path images = images();
        Outcome outcome = dump(images);
        outcome.requireFailure(4, "its first thread has exited while 1 others live");
        assertTrue(outcome.output().contains("target: untouched, running"), outcome.output());
        requireEmpty(images);
        target.awaitProgress(1);
    }

    @ParameterizedTest
    @CsvSource({"dump, digest", "pre-dump, digest", "pre-dump, uffd-wp"})
    void shouldRefuseMemoryThatTheProgramFillsItself(String command, String tracker)
            throws IOException {
        start("userfaultfd", "");
        Path images = images();
        jcriu(command, "-t", "" + target.pid(), "-D", images.toString(), "--tracker", tracker)
                .requireFailure(4, "is registered with a userfaultfd of the program's own");
        requireEmpty(images);
        requireUnharmed();
    }

    @Test
    void shouldRefuseAHandlerThatReturnsIntoAnotherKernelsVdso() throws IOException {
        target.close();
        target = LiveTarget.start(program, scratch, "vdso-handler", "");
        Path images = images();
        dump(images).requireSuccess();
        LiveTarget.await("the end of the target", () -> !target.alive());
        jcriu(Launcher.with("-Djcriu.vdso=foreign"), "restore", "-d", "-D", images.toString())
                .requireFailure(8, "has a signal handler that interrupted it");
        jcriu("restore", "-d", "-D", images.toString()).requireSuccess();
        target.awaitProgress(1);
    }

    @Test
    void shouldRefuseAThreadAsRoot() throws IOException {
        start("threads", "1");
        int tid;
        try (Stream<Path> tasks = Files.list(Path.of("/proc/" + target.pid() + "/task"))) {
            tid =
                    tasks.mapToInt(path -> Integer.parseInt(path.getFileName().toString()))
                            .filter(id -> id != target.pid())
                            .findFirst()
                            .orElseThrow();
        }
        jcriu("dump", "-t", "" + tid, "-D", images().toString())
                .requireFailure(4, "it is a thread of process " + target.pid());
        requireUnharmed();
    }

    @Test
    void shouldRefuseATargetThatIsTraced() throws IOException {
        Path images = images();
        try (LiveTarget tracer = LiveTarget.start(program, scratch, "trace", "" + target.pid())) {
            dump(images)
                    .requireFailure(
                            3,
                            "pid "
                                    + target.pid()
                                    + " (target) is already traced by process "
                                    + tracer.pid());
        }
        LiveTarget.await(
                "the end of the tracer", () -> target.snapshot().contains("TracerPid:\t0"));
        requireUnharmed();
        requireEmpty(images);
    }

    @ParameterizedTest
    @CsvSource({
        "-sys_ptrace, CAP_SYS_PTRACE",
        "'-sys_admin,-checkpoint_restore', CAP_CHECKPOINT_RESTORE"
    })
    void shouldNameAMissingCapability(String set, String name) throws IOException {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv")), "no setpriv");
        Path images = images();
        jcriu(
                        List.of("setpriv", "--bounding-set", set),
                        "dump",
                        "-t",
                        "" + target.pid(),
                        "-D",
                        images.toString())
                .requireFailure(3, "lacks the capability " + name);
        requireUnharmed();
        requireEmpty(images);
    }

    /** 2 MiB are found to be too much while they are written, 16 MiB before the freeze. */
    @ParameterizedTest
    @CsvSource({"2", "16"})
    void shouldLeaveTheTargetRunningWhenTheDiskIsFull(String mib) throws IOException {
        start("memory", mib);
        Path images = images();
        mount(images, "size=1m");
        try {
            Outcome outcome = dump(images);
            outcome.requireFailure(7, "ENOSPC (no space left on device)");
            assertTrue(outcome.output().contains(images + "/pages-1.img"), outcome.output());
            requireEmpty(images);
        } finally {
            CCompiler.run(List.of("umount", images.toString()));
        }
        requireUnharmed();
        dump(images).requireSuccess(); // the same command where there is room
    }

    private static void mount(Path directory, String options) {
        Outcome outcome =
                Launcher.run(
                        List.of(
                                "mount",
                                "-t",
                                "tmpfs",
                                "-o",
                                options,
                                "jcriu-test",
                                directory.toString()));
        assumeTrue(outcome.status() == 0, "no tmpfs can be mounted: " + outcome.output());
    }

    @Test
    void shouldRefuseAnUnusableImagesDirectory() throws IOException {
        Path missing = scratch.resolve("missing");
        dump(missing).requireFailure(3, "images directory " + missing + " does not exist");
        Path file = Files.createTempFile(scratch, "no", "directory");
        dump(file).requireFailure(3, "images directory " + file + " is not a directory");
        Path readOnly = images();
        mount(readOnly, "size=1m,ro");
        try {
            dump(readOnly).requireFailure(3, "images directory " + readOnly + " is not writable");
        } finally {
            CCompiler.run(List.of("umount", readOnly.toString()));
        }
        jcriu("restore", "-D", missing.toString()).requireFailure(3, "does not exist");
        requireUnharmed();
    }

    @Test
    void shouldRefuseASocketBeforeTheFreeze() throws IOException {
        start("socket", "");
        requireRefused("pid " + target.pid() + " (target): fd 4 is a Unix socket");
    }

    /** (kind of group, what is said). */
    @ParameterizedTest
    @CsvSource({
        "content, is a fanotify group that is asked for permission",
        "filesystem, is a fanotify group with a mark on a whole filesystem"
    })
    void shouldRefuseFanotifyGroupsBeforeTheFreeze(String kind, String what) throws IOException {
        start("fanotify", kind);
        requireRefused("pid " + target.pid() + " (target): fd 4 " + what);
    }

    @Test
    void shouldRefuseFilesOfDescriptorsBeforeTheFreeze() throws IOException {
        start("fdinfo", "");
        String name = "/proc/" + target.pid() + "/fdinfo/1";
        requireRefused("fd 4 is " + name + ", of a single descriptor or mapping");
    }

    @Test
    void shouldRefuseSecretMemoryBeforeTheFreeze() throws IOException {
        start("secret", "");
        assumeTrue(target.word(6) == 0, "this kernel has no memfd_secret(2)");
        requireRefused(" is secret memory (memfd_secret), which nobody else can read");
    }

    /** The target is not dumped: it is told before anything stops, and nothing is left. */
    private String requireRefused(String why) throws IOException {
        Path images = images();
        Outcome outcome = dump(images);
        outcome.requireFailure(4, why);
        assertTrue(outcome.output().contains("target: untouched"), outcome.output());
        requireUnharmed();
        requireEmpty(images);
        return outcome.output();
    }

    /** Consoles and virtual terminals, as far as this machine has them. */
    @ParameterizedTest
    @CsvSource({"/dev/console", "/dev/tty0", "/dev/tty1"})
    void shouldRefuseConsolesBeforeTheFreeze(String device) throws IOException {
        Outcome open = Launcher.run(List.of("sh", "-c", "exec setsid sh -c ': <" + device + "'"));
        assumeTrue(open.status() == 0, device + " cannot be opened");
        start("device", device);
        String said =
                requireRefused(
                        "pid "
                                + target.pid()
                                + " (target): fd 4 is the terminal device "
                                + device
                                + ", which is not supported");
        Matcher external = Pattern.compile("--external (tty\\[[0-9a-f:]+\\])").matcher(said);
        assertTrue(external.find(), said);
        jcriu(
                        "dump",
                        "-R",
                        "-t",
                        "" + target.pid(),
                        "-D",
                        images().toString(),
                        "--external",
                        external.group(1))
                .requireSuccess();
        requireUnharmed();
    }

    /** (what is shared, what is said). */
    @ParameterizedTest
    @CsvSource({
        "vm, share their memory without being threads",
        "children, has made another pid namespace for its children",
        "session, whose leader is outside the tree",
        "tables, shares its descriptor table with tasks to which clone cannot hand it down",
        "files, has descriptors of its own",
        "fs, of another process"
    })
    void shouldRefuseSharingBeforeTheFreeze(String kind, String what) throws IOException {
        start("share", kind);
        requireRefused(what);
    }

    @Test
    void shouldRefuseADeletedFileAboveTheLimit() throws IOException {
        Path file = scratch.resolve("large");
        start("deleted", file.toString());
        Path images = images();
        Outcome outcome = dump(images);
        outcome.requireFailure(
                4,
                "pid "
                        + target.pid()
                        + " (target): fd 4 is the deleted file "
                        + file
                        + " of 2097152 bytes, above the limit of 1048576");
        assertTrue(outcome.output().contains("target: untouched"), outcome.output());
        requireUnharmed();
        requireEmpty(images);
        jcriu("dump", "--ghost-limit", "2M", "-t", "" + target.pid(), "-D", images.toString())
                .requireSuccess();
    }

    @Test
    void shouldAskForShellJobWhereTheSessionIsOutside() throws IOException {
        Path file = Files.createTempFile(scratch, "job", ".words");
        String command = "cd /; " + program + " count " + file + " >/dev/null 2>&1 & echo $!";
        int pid = Integer.parseInt(CCompiler.run(List.of("sh", "-c", command)).strip());
        try {
            LiveTarget.await("the target", () -> LiveTarget.state(pid) == 'S');
            Outcome outcome = jcriu("dump", "-t", "" + pid, "-D", images().toString());
            outcome.requireFailure(4, "it is no session leader");
            assertTrue(outcome.output().contains("--shell-job"), outcome.output());
        } finally {
            LiveTarget.kill(pid, "KILL");
        }
    }

    @Test
    void shouldRefuseAPidThatIsTakenAtRestore() throws IOException {
        Path images = images();
        jcriu("dump", "-R", "-t", "" + target.pid(), "-D", images.toString()).requireSuccess();
        jcriu("restore", "-d", "-D", images.toString())
                .requireFailure(8, "cannot restore pid " + target.pid() + ": this pid is in use");
        requireUnharmed();
    }

    @Test
    void shouldRefuseLimitsThatItMayNotRaise() {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/setpriv")), "no setpriv");
        jcriu(
                        List.of(
                                "setpriv",
                                "--bounding-set",
                                "-sys_resource",
                                "bash",
                                "-c",
                                "ulimit -n 512; exec \"$@\"",
                                "-"),
                        "restore",
                        "-d",
                        "-D",
                        dumped.toString())
                .requireFailure(
                        8,
                        "for max open files, jcriu has 512 and lacks CAP_SYS_RESOURCE to raise it");
    }

    @Test
    void shouldRefuseAnUnfinishedDump() throws IOException {
        jcriu("restore", "-d", "-D", images().toString()).requireFailure(6, "no inventory.img");
    }

    /** (image, what is done to it, what is said). */
    @ParameterizedTest
    @CsvSource({
        "inventory.img, flip 0, inventory.img at byte 0: magic number",
        "inventory.img, cut 20, inventory.img at byte 4: entry of",
        "pstree.img, flip 5, pstree.img at byte 4: magic number",
        "pstree.img, cut 14, pstree.img at byte 8: entry of",
        "core-PID.img, flip 0, core-PID.img at byte 0: magic number",
        "core-PID.img, cut 100, core-PID.img at byte 8: entry of",
        "core-PID.img, remove, core-PID.img: is missing",
        "mm-PID.img, flip 9, mm-PID.img at byte 8: entry of",
        "mm-PID.img, cut 100, mm-PID.img at byte 8: entry of",
        "fs-PID.img, cut 10, fs-PID.img at byte 8: ends inside the length",
        "ids-PID.img, remove, ids-PID.img: is missing",
        "fdinfo-2.img, remove, fdinfo-2.img: is missing",
        "fdinfo-2.img, cut 24, fdinfo-2.img at byte",
        "files.img, flip 0, files.img at byte 0: magic number",
        "files.img, cut 40, files.img at byte",
        "pagemap-PID.img, flip 4, pagemap-PID.img at byte 4: magic number",
        "pagemap-PID.img, cut 20, pagemap-PID.img at byte 14: entry of",
        "pages-1.img, cut 4096, pagemap-PID.img at byte",
        "pages-1.img, remove, pages-1.img"
    })
    void shouldNameTheDamage(String image, String damage, String what) throws IOException {
        Path images = images();
        try (Stream<Path> files = Files.list(dumped)) {
            for (Path file : files.toList()) {
                Files.copy(file, images.resolve(file.getFileName()));
            }
        }
        Path file = images.resolve(image.replace("PID", "" + dumpedPid));
        byte[] bytes = Files.readAllBytes(file);
        String[] words = damage.split(" ");
        switch (words[0]) {
            case "remove" -> Files.delete(file);
            case "cut" ->
                    Files.write(file, java.util.Arrays.copyOf(bytes, Integer.parseInt(words[1])));
            default -> {
                bytes[Integer.parseInt(words[1])] ^= 0x40;
                Files.write(file, bytes);
            }
        }
        jcriu("restore", "-d", "-D", images.toString())
                .requireFailure(6, what.replace("PID", "" + dumpedPid));
        char state = LiveTarget.state(dumpedPid);
        assertTrue(state == 'X' || state == 'Z', "pid " + dumpedPid + " is left, state " + state);
    }

    @Test
    void shouldNotPrintAStackUnlessAsked() throws IOException {
        Path images = images();
        assertFalse(
                jcriu("dump", "-v2", "-t", "4194000", "-D", images.toString())
                        .output()
                        .contains("\tat "));
        assertTrue(
                jcriu("dump", "-v4", "-t", "4194000", "-D", images.toString())
                        .output()
                        .contains("\tat "));
    }
}
