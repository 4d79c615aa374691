package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import jcriu.proc.FdLink.Kind;
import org.junit.jupiter.api.Test;

class FdLinkTest {
    private static void assertLink(
            String text, Kind kind, String name, long inode, boolean deleted) {
        assertEquals(new FdLink(kind, name, inode, deleted), FdLink.parse(text));
    }

    @Test
    void shouldTellEachKind() {
        assertLink("/dev/null", Kind.PATH, "/dev/null", 0, false);
        assertLink("/", Kind.PATH, "/", 0, false);
        assertLink("pipe:[7997]", Kind.PIPE, "", 7997, false);
        assertLink("socket:[4026531840]", Kind.SOCKET, "", 4026531840L, false);
        assertLink("anon_inode:[eventfd]", Kind.ANON_INODE, "eventfd", 0, false);
        assertLink("anon_inode:inotify", Kind.ANON_INODE, "inotify", 0, false);
        assertLink("anon_inode:bpf-map", Kind.ANON_INODE, "bpf-map", 0, false);
        assertLink("anon_inode:[io_uring]", Kind.ANON_INODE, "io_uring", 0, false);
        assertLink("net:[4026531840]", Kind.NAMESPACE, "net", 4026531840L, false);
        assertLink("dmabuf:", Kind.OTHER, "dmabuf:", 0, false);
        assertLink("x:[]", Kind.OTHER, "x:[]", 0, false);
        assertLink("", Kind.OTHER, "", 0, false);
    }

    @Test
    void shouldKeepDeletedApartFromTheName() {
        assertLink("/tmp/a\nb (deleted)", Kind.PATH, "/tmp/a\nb", 0, true);
        assertLink("/memfd:my mem (deleted)", Kind.MEMFD, "my mem", 0, true);
        assertLink("/memfd: (deleted)", Kind.MEMFD, "", 0, true);
        assertLink("/x (deleted) (deleted)", Kind.PATH, "/x (deleted)", 0, true);
    }
}
