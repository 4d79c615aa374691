package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import jcriu.errors.EnvironmentException;
import jcriu.errors.Errno;
import jcriu.errors.JcriuException;
import jcriu.errors.Kind;
import jcriu.errors.SyscallException;
import jcriu.errors.TaskGoneException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcFsTest {
    private static final int NO_PID = Integer.MAX_VALUE;

    private final int pid = (int) ProcessHandle.current().pid();

    @Test
    void shouldReadAFileLargerThanTheBuffer(@TempDir Path dir) throws IOException {
        byte[] content = new byte[300_001];
        Arrays.fill(content, (byte) 'x');
        Path file = Files.write(dir.resolve("large"), content);
        assertArrayEquals(content, ProcFs.read(file.toString()));
        assertEquals(0, ProcFs.read("/dev/null").length);
    }

    @Test
    void shouldListTheLeaderFirst() {
        int[] tids = ProcFs.tasks(pid);
        assertEquals(pid, tids[0]);
        assertTrue(tids.length > 1);
        for (int i = 2; i < tids.length; i++) {
            assertTrue(tids[i - 1] < tids[i]);
        }
        assertThrows(TaskGoneException.class, () -> ProcFs.tasks(NO_PID));
    }

    @Test
    void shouldListOpenDescriptors() {
        int[] fds = ProcFs.fds(pid);
        assertTrue(Arrays.binarySearch(fds, 1) >= 0);
        assertThrows(TaskGoneException.class, () -> ProcFs.fds(NO_PID));
    }

    @Test
    void shouldFindAChildWithAndWithoutTheChildrenFile() throws Exception {
        Process child = new ProcessBuilder("sleep", "60").start();
        try {
            int childPid = (int) child.pid();
            assertTrue(Arrays.binarySearch(ProcFs.children(pid), childPid) >= 0);
            assertTrue(Arrays.binarySearch(ProcFs.childrenFromScan(pid), childPid) >= 0);
            assertEquals(0, ProcFs.children(childPid).length);
            assertThrows(TaskGoneException.class, () -> ProcFs.children(NO_PID));
        } finally {
            child.destroyForcibly().waitFor();
        }
    }

    @Test
    void shouldReadLinks(@TempDir Path dir) throws IOException {
        // As a URI, so that the test can name the file in a C locale too.
        Path target = Path.of(URI.create(dir.toUri() + "%C3%A9%0Ax"));
        Path link = Files.createSymbolicLink(dir.resolve("link"), target);
        assertEquals(dir + "/\u00e9\nx", ProcFs.readlink(link.toString()));
        assertTrue(ProcFs.readlink("/proc/" + pid + "/ns/pid").startsWith("pid:["));
        assertThrows(TaskGoneException.class, () -> ProcFs.readlink("/proc/" + NO_PID + "/exe"));
    }

    @Test
    void shouldTellAMissingFileFromAMissingTask() {
        String path = "/proc/" + pid + "/no_such_file";
        SyscallException e = assertThrows(SyscallException.class, () -> ProcFs.read(path));
        assertEquals(Errno.ENOENT, e.errno());
        assertThrows(SyscallException.class, () -> ProcFs.read("/proc/sys/no_such_file"));
    }

    @Test
    void shouldSayHowToGetPermission() {
        JcriuException e = ProcFailure.of("/proc/" + pid + "/maps", -Errno.EACCES.number());
        assertTrue(e instanceof EnvironmentException);
        assertEquals(Kind.ENVIRONMENT, e.kind());
        assertTrue(e.hint().contains("CAP_SYS_PTRACE"));
    }

    @Test
    void shouldTakeNoSuchProcessAsGone() {
        JcriuException e =
                ProcFailure.of("/proc/" + pid + "/task/" + pid + "/maps", -Errno.ESRCH.number());
        assertTrue(e instanceof TaskGoneException);
        assertTrue(
                ProcFailure.of("/proc/" + NO_PID + "/maps", -Errno.ENOENT.number())
                        instanceof TaskGoneException);
    }

    @Test
    void shouldCallAnythingElseIo() {
        JcriuException e = ProcFailure.of("/proc/" + pid + "/stat", -Errno.EIO.number());
        assertEquals(Kind.IO, e.kind());
    }

    @Test
    void shouldReadUptimeAndPidSettings() {
        String text = "870.54 1664.04\n";
        assertEquals(
                new Uptime(870540, 1664040),
                Uptime.parse(text.getBytes(StandardCharsets.UTF_8), text.length()));
        assertTrue(Uptime.read().upMs() > 0);
        assertTrue(SysPid.pidMax() > 300);
    }

    @Test
    void shouldReadOurCapabilities() {
        assertEquals(Status.read(pid).capEff(), Capabilities.effective().mask());
        assertTrue(new Capabilities(1L << 40).has(Capabilities.CAP_CHECKPOINT_RESTORE));
        assertFalse(new Capabilities(1L << 40).has(Capabilities.CAP_SYS_PTRACE));
    }
}
