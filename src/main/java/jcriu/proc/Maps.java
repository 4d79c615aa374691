package jcriu.proc;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * {@code /proc/PID/maps} and {@code /proc/PID/smaps}, which share their header lines:
 *
 * <pre>
 * 7fdce6712000-7fdce6714000 rw-s 00001000 fe:00 2146332      /tmp/a\012b (deleted)
 * Size:                  8 kB
 * ...
 * VmFlags: rd wr sh mr mw me ms sd
 * </pre>
 *
 * <p>Only of a process that is stopped are these of one moment. What changes while it is read may
 * be missing, or be there as it was; but no two mappings overlap.
 *
 * <p>A header starts with a lower-case hexadecimal digit and a field with a capital letter, so one
 * parser takes both. Kernel threads have no lines.
 *
 * <p>Source: proc_pid_maps(5), proc_pid_smaps(5), Documentation/filesystems/proc.rst.
 */
public final class Maps {
    static final int PROT_READ = 1;
    static final int PROT_WRITE = 2;
    static final int PROT_EXEC = 4;

    private static final byte[] DELETED = {' ', '(', 'd', 'e', 'l', 'e', 't', 'e', 'd', ')'};

    private final byte[] text;
    private final ByteScanner scan;
    private final List<MapsVma> vmas = new ArrayList<>();

    // The mappings of one file follow each other, so a name is often the one before it.
    private int lastNameStart;
    private int lastNameEnd;
    private String lastName = "";

    private Maps(byte[] text, int lengthBytes) {
        this.text = text;
        this.scan = new ByteScanner("maps", text, lengthBytes);
    }

    /** The memory areas of a process in address order, without flags and page sizes. */
    public static List<MapsVma> read(int pid) {
        return readFile("/proc/" + pid + "/maps");
    }

    /**
     * The memory areas of a process with flags and page sizes.
     *
     * <p>The kernel walks all page tables for this, so it costs far more than {@link #read}.
     */
    public static List<MapsVma> readSmaps(int pid) {
        return readFile("/proc/" + pid + "/smaps");
    }

    /**
     * The memory areas of a process, with what {@link #readSmaps} said of them earlier. A mapping
     * that has grown or shrunk at one end is the same; one that is new has no flags. One that was
     * made in the place of another looks like that, and flags can have changed: for those who can
     * bear that.
     */
    public static List<MapsVma> readAgain(int pid, List<MapsVma> earlier) {
        return withFlags(read(pid), earlier);
    }

    /** The same, of lists that have been read; both in address order. */
    static List<MapsVma> withFlags(List<MapsVma> now, List<MapsVma> earlier) {
        List<MapsVma> found = new ArrayList<>(now.size());
        int at = 0;
        for (MapsVma vma : now) {
            while (at < earlier.size()
                    && Long.compareUnsigned(earlier.get(at).end(), vma.start()) <= 0) {
                at++;
            }
            MapsVma same = null;
            for (int i = at; same == null && i < earlier.size(); i++) {
                if (Long.compareUnsigned(earlier.get(i).start(), vma.end()) >= 0) {
                    break;
                }
                same = vma.isLike(earlier.get(i)) ? earlier.get(i) : null;
            }
            found.add(same == null ? vma : vma.withFlagsOf(same));
        }
        return Collections.unmodifiableList(found);
    }

    private static List<MapsVma> readFile(String path) {
        ProcBuffer buffer = ProcBuffer.read(path);
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    /** Parses the text of maps or of smaps. */
    public static List<MapsVma> parse(byte[] text, int lengthBytes) {
        Maps maps = new Maps(text, lengthBytes);
        while (!maps.scan.atEnd()) {
            maps.takeVma();
        }
        return Collections.unmodifiableList(maps.vmas);
    }

    private void takeVma() {
        long start = scan.hex();
        scan.expect('-');
        long end = scan.hex();
        scan.expect(' ');
        int prot = 0;
        prot |= scan.next() == 'r' ? PROT_READ : 0;
        prot |= scan.next() == 'w' ? PROT_WRITE : 0;
        prot |= scan.next() == 'x' ? PROT_EXEC : 0;
        boolean shared = scan.next() == 's';
        long offset = scan.hex();
        int devMajor = (int) scan.hex();
        scan.expect(':');
        int devMinor = (int) scan.hex();
        long inode = scan.decimal();
        scan.skipBlanks();
        int nameStart = scan.pos();
        int nameEnd = scan.endOfLine();
        boolean deleted = endsWithDeleted(nameStart, nameEnd);
        String name = name(nameStart, deleted ? nameEnd - DELETED.length : nameEnd);
        scan.skipLine();

        long vmFlags = 0;
        long kernelPageSizeBytes = 0;
        int protectionKey = 0;
        while (isField(scan.peek())) {
            if (scan.skipIf("VmFlags:")) {
                vmFlags = vmFlags();
            } else if (scan.skipIf("KernelPageSize:")) {
                kernelPageSizeBytes = scan.decimal() * 1024;
            } else if (scan.skipIf("ProtectionKey:")) {
                protectionKey = scan.decimalInt();
            }
            scan.skipLine();
        }
        // of a process that runs: joined to the one before when that had been read already
        long read = vmas.isEmpty() ? 0 : vmas.get(vmas.size() - 1).end();
        if (Long.compareUnsigned(end, read) <= 0) {
            return;
        }
        if (Long.compareUnsigned(start, read) < 0) {
            offset += inode == 0 ? 0 : read - start;
            start = read;
        }
        vmas.add(
                new MapsVma(
                        start,
                        end,
                        prot,
                        shared,
                        offset,
                        devMajor,
                        devMinor,
                        inode,
                        name,
                        deleted,
                        vmFlags,
                        kernelPageSizeBytes,
                        protectionKey));
    }

    private static boolean isField(int first) {
        return first >= 'A' && first <= 'Z';
    }

    private long vmFlags() {
        long flags = 0;
        scan.skipBlanks();
        while (!scan.atEndOfLine()) {
            int from = scan.pos();
            scan.skipWord();
            flags |=
                    scan.pos() - from == 2
                            ? VmFlag.maskOf(text[from], text[from + 1])
                            : VmFlag.UNKNOWN.mask();
            scan.skipBlanks();
        }
        return flags;
    }

    private boolean endsWithDeleted(int from, int to) {
        return to - from >= DELETED.length
                && Arrays.equals(text, to - DELETED.length, to, DELETED, 0, DELETED.length);
    }

    private String name(int from, int to) {
        if (from == to) {
            return "";
        }
        if (!Arrays.equals(text, from, to, text, lastNameStart, lastNameEnd)) {
            lastName = scan.unescapedNewlines(from, to);
            lastNameStart = from;
            lastNameEnd = to;
        }
        return lastName;
    }
}
