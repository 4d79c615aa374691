package jcriu.resource;

import java.nio.charset.StandardCharsets;
import jcriu.errors.JcriuException;
import jcriu.proc.ProcFs;

/** Says what a socket is; saving one is not built yet. */
final class Sockets {
    private static final String[][] TABLES = {
        {"tcp", "a TCP socket"},
        {"tcp6", "a TCP socket"},
        {"udp", "a UDP socket"},
        {"udp6", "a UDP socket"},
        {"unix", "a Unix socket"},
        {"netlink", "a netlink socket"},
        {"packet", "a packet socket"},
        {"raw", "a raw socket"},
    };

    private Sockets() {}

    static String describe(int pid, long inode) {
        for (String[] table : TABLES) {
            try {
                String text =
                        new String(
                                ProcFs.read("/proc/" + pid + "/net/" + table[0]),
                                StandardCharsets.ISO_8859_1);
                if (text.contains(" " + inode + " ") || text.contains(" " + inode + "\n")) {
                    return table[1];
                }
            } catch (JcriuException e) {
                continue; // this kernel has no such table
            }
        }
        return "a socket";
    }
}
