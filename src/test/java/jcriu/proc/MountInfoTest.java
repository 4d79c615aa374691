package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import jcriu.errors.JcriuException;
import jcriu.proc.MountInfo.Mount;
import org.junit.jupiter.api.Test;

class MountInfoTest {
    private static final String CAPTURED =
            """
            22 27 0:21 / /proc rw,relatime - proc proc rw
            36 35 98:0 /mnt1 /mnt\\0402\\134x\\012 rw,noatime master:1 shared:4 - fuse.a /dev/my\\040root rw,errors=continue
            37 35 0:40 /- /b rw - tmpfs  rw
            """;

    private static MountInfo parse(String text) {
        return MountInfo.parse(ProcText.bytes(text), ProcText.length(text));
    }

    @Test
    void shouldTakeEveryField() {
        MountInfo info = parse(CAPTURED);
        assertEquals(3, info.mounts().size());
        assertEquals(
                Optional.of(
                        new Mount(
                                22,
                                27,
                                0,
                                21,
                                "/",
                                "/proc",
                                "rw,relatime",
                                "",
                                "proc",
                                "proc",
                                "rw")),
                info.tryById(22));
        assertEquals(
                Optional.of(
                        new Mount(
                                36,
                                35,
                                98,
                                0,
                                "/mnt1",
                                "/mnt 2\\x\n",
                                "rw,noatime",
                                "master:1 shared:4",
                                "fuse.a",
                                "/dev/my root",
                                "rw,errors=continue")),
                info.tryById(36));
        assertEquals("", info.tryById(37).orElseThrow().source());
        assertEquals("rw", info.tryById(37).orElseThrow().superOptions());
        assertEquals(Optional.empty(), info.tryById(17));
    }

    @Test
    void shouldRejectALineWithoutSeparator() {
        assertThrows(JcriuException.class, () -> parse("22 27 0:21 / /proc rw\n"));
    }

    @Test
    void shouldReadOurselves() {
        MountInfo info = MountInfo.read((int) ProcessHandle.current().pid());
        assertTrue(
                info.mounts().stream()
                        .anyMatch(
                                m -> m.mountPoint().equals("/proc") && m.fsType().equals("proc")));
    }
}
