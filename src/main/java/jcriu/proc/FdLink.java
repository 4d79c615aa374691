package jcriu.proc;

import jcriu.sys.FileStat;

/**
 * What the link {@code /proc/PID/fd/FD} points to.
 *
 * <p>The text alone cannot tell a deleted file from one named "x (deleted)", nor a memfd from a
 * file "/memfd:x" in the root directory; comparing device and inode can: {@link #of}.
 *
 * <p>Source: proc_pid_fd(5).
 *
 * @param name the path; for ANON_INODE, MEMFD and NAMESPACE the name or type without its
 *     decoration, e.g. {@code eventfd}; for PIPE and SOCKET ""; for OTHER the whole text
 * @param inode of PIPE, SOCKET and NAMESPACE, else 0
 * @param deleted whether the text ended in " (deleted)"
 */
public record FdLink(Kind kind, String name, long inode, boolean deleted) {
    private static final String DELETED = " (deleted)";
    private static final String MEMFD = "/memfd:";
    private static final String ANON_INODE = "anon_inode:";

    public enum Kind {
        /** A file in some mount; devices and FIFOs too. */
        PATH,
        /** {@code pipe:[7997]}. */
        PIPE,
        /** {@code socket:[7997]}. */
        SOCKET,
        /** {@code anon_inode:[eventfd]} or {@code anon_inode:inotify}. */
        ANON_INODE,
        /** {@code /memfd:name (deleted)}, of memfd_create(2). */
        MEMFD,
        /** {@code net:[4026531840]}, of namespaces(7). */
        NAMESPACE,
        /** None of these. */
        OTHER
    }

    public static FdLink read(int pid, int fd) {
        return parse(ProcFs.readlink("/proc/" + pid + "/fd/" + fd));
    }

    public static FdLink parse(String target) {
        boolean deleted = target.endsWith(DELETED);
        String text = deleted ? target.substring(0, target.length() - DELETED.length()) : target;
        if (text.startsWith(MEMFD)) {
            return new FdLink(Kind.MEMFD, text.substring(MEMFD.length()), 0, deleted);
        }
        if (text.startsWith("/")) {
            return new FdLink(Kind.PATH, text, 0, deleted);
        }
        if (text.startsWith(ANON_INODE)) {
            return new FdLink(
                    Kind.ANON_INODE, unbracketed(text.substring(ANON_INODE.length())), 0, deleted);
        }
        int colon = text.indexOf(":[");
        long inode = colon > 0 && text.endsWith("]") ? number(text, colon + 2) : -1;
        if (inode < 0) {
            return new FdLink(Kind.OTHER, text, 0, deleted);
        }
        String type = text.substring(0, colon);
        return switch (type) {
            case "pipe" -> new FdLink(Kind.PIPE, "", inode, deleted);
            case "socket" -> new FdLink(Kind.SOCKET, "", inode, deleted);
            default -> new FdLink(Kind.NAMESPACE, type, inode, deleted);
        };
    }

    /** The same, or with its full name where a file that is there has a name that ends so. */
    public FdLink of(FileStat stat) {
        if (!deleted || kind != Kind.PATH || stat.nlink() == 0) {
            return this;
        }
        FileStat named = FileStat.tryOf(name + DELETED);
        return named != null && named.sameFile(stat)
                ? new FdLink(kind, name + DELETED, 0, false)
                : this;
    }

    private static String unbracketed(String text) {
        return text.startsWith("[") && text.endsWith("]")
                ? text.substring(1, text.length() - 1)
                : text;
    }

    /** The digits from {@code from} up to the last character, or -1 if they are none. */
    private static long number(String text, int from) {
        int to = text.length() - 1;
        long value = from == to ? -1 : 0;
        for (int i = from; i < to; i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            value = value * 10 + digit;
        }
        return value;
    }
}
