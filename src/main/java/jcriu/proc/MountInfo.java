package jcriu.proc;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * {@code /proc/PID/mountinfo}: the mounts that a process can reach.
 *
 * <pre>
 * 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
 * </pre>
 *
 * <p>Blank, tab, newline and backslash in a name are printed as octal escapes, put back here.
 * Internal mounts, such as those of pipes and sockets, are not in the list.
 *
 * <p>Source: proc_pid_mountinfo(5).
 */
public final class MountInfo {
    private final List<Mount> mounts;
    private final Map<Integer, Mount> byId;

    private MountInfo(List<Mount> mounts) {
        this.mounts = Collections.unmodifiableList(mounts);
        this.byId = new HashMap<>(mounts.size() * 2);
        for (Mount mount : mounts) {
            byId.put(mount.mntId(), mount);
        }
    }

    /**
     * One mount.
     *
     * @param root the path inside the filesystem that is seen at {@code mountPoint}
     * @param mountPoint relative to the process's root directory
     * @param optional tagged fields such as {@code shared:1}, as printed; "" if none
     */
    public record Mount(
            int mntId,
            int parentId,
            int devMajor,
            int devMinor,
            String root,
            String mountPoint,
            String options,
            String optional,
            String fsType,
            String source,
            String superOptions) {}

    public static MountInfo read(int pid) {
        ProcBuffer buffer = ProcBuffer.read("/proc/" + pid + "/mountinfo");
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static MountInfo parse(byte[] text, int lengthBytes) {
        ByteScanner scan = new ByteScanner("mountinfo", text, lengthBytes);
        List<Mount> mounts = new ArrayList<>();
        while (!scan.atEnd()) {
            mounts.add(mount(scan));
            scan.skipLine();
        }
        return new MountInfo(mounts);
    }

    /** All mounts as printed: a later one at the same mount point hides an earlier one. */
    public List<Mount> mounts() {
        return mounts;
    }

    /** The mount with the mnt_id that {@link Fdinfo} shows. */
    public Optional<Mount> tryById(int mntId) {
        return Optional.ofNullable(byId.get(mntId));
    }

    private static Mount mount(ByteScanner scan) {
        int mntId = scan.decimalInt();
        int parentId = scan.decimalInt();
        int devMajor = scan.decimalInt();
        scan.expect(':');
        int devMinor = scan.decimalInt();
        String root = scan.unescapedWord();
        String mountPoint = scan.unescapedWord();
        String options = scan.word();
        scan.skipBlanks();
        int optionalStart = scan.pos();
        int optionalEnd = optionalStart;
        while (!scan.skipIf("- ")) {
            if (scan.atEndOfLine()) {
                throw scan.malformed("the separator '-'");
            }
            scan.skipWord();
            optionalEnd = scan.pos();
            scan.skipBlanks();
        }
        // An empty source, which mount(2) allows, is two blanks in a row.
        String fsType = scan.unescapedWord();
        scan.expect(' ');
        String source = scan.peek() == ' ' ? "" : scan.unescapedWord();
        String superOptions = scan.unescapedWord();
        return new Mount(
                mntId,
                parentId,
                devMajor,
                devMinor,
                root,
                mountPoint,
                options,
                scan.string(optionalStart, optionalEnd),
                fsType,
                source,
                superOptions);
    }
}
