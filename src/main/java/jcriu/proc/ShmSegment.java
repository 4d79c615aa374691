package jcriu.proc;

import java.util.HashMap;
import java.util.Map;

/**
 * One line of {@code /proc/sysvipc/shm}: a System V shared memory segment of our IPC namespace.
 *
 * <p>The file shows every segment to everybody, whatever its permissions. Source: proc(5),
 * shmctl(2).
 *
 * @param mode permissions, and SHM_DEST, SHM_LOCKED
 * @param sizeBytes as given to shmget(2), not rounded to pages
 * @param lastPid who attached or detached it last; 0 if nobody ever has
 * @param attached number of mappings, {@code shm_nattch}
 */
public record ShmSegment(
        int key,
        int id,
        int mode,
        long sizeBytes,
        int lastPid,
        long attached,
        int uid,
        int gid,
        int cuid,
        int cgid) {

    /** All segments by id. */
    public static Map<Integer, ShmSegment> readAll() {
        ProcBuffer buffer = ProcBuffer.read("/proc/sysvipc/shm");
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    static Map<Integer, ShmSegment> parse(byte[] text, int lengthBytes) {
        ByteScanner scan = new ByteScanner("sysvipc/shm", text, lengthBytes);
        Map<Integer, ShmSegment> segments = new HashMap<>();
        scan.skipLine();
        while (!scan.atEnd()) {
            int key = scan.decimalInt();
            int id = scan.decimalInt();
            int mode = (int) scan.octal();
            long size = scan.decimal();
            scan.decimal(); // who made it
            int lastPid = scan.decimalInt();
            long attached = scan.decimal();
            int uid = scan.decimalInt();
            int gid = scan.decimalInt();
            int cuid = scan.decimalInt();
            int cgid = scan.decimalInt();
            segments.put(
                    id,
                    new ShmSegment(key, id, mode, size, lastPid, attached, uid, gid, cuid, cgid));
            scan.skipLine();
        }
        return segments;
    }
}
