package jcriu.proc;

import jcriu.errors.JcriuException;
import jcriu.errors.Kind;

/**
 * {@code /proc/PID/limits}: soft and hard value of each resource limit.
 *
 * <p>Units are those of getrlimit(2), which the kernel prints unchanged: RLIMIT_CPU in seconds,
 * RLIMIT_RTTIME in microseconds, sizes in bytes.
 *
 * <p>Source: proc_pid_limits(5), getrlimit(2).
 *
 * @param values indexed by RLIMIT_ number, then 0 soft and 1 hard
 */
public record Limits(long[][] values) {
    public static final int RLIMIT_CPU = 0;
    public static final int RLIMIT_FSIZE = 1;
    public static final int RLIMIT_DATA = 2;
    public static final int RLIMIT_STACK = 3;
    public static final int RLIMIT_CORE = 4;
    public static final int RLIMIT_RSS = 5;
    public static final int RLIMIT_NPROC = 6;
    public static final int RLIMIT_NOFILE = 7;
    public static final int RLIMIT_MEMLOCK = 8;
    public static final int RLIMIT_AS = 9;
    public static final int RLIMIT_LOCKS = 10;
    public static final int RLIMIT_SIGPENDING = 11;
    public static final int RLIMIT_MSGQUEUE = 12;
    public static final int RLIMIT_NICE = 13;
    public static final int RLIMIT_RTPRIO = 14;
    public static final int RLIMIT_RTTIME = 15;
    public static final int NR_LIMITS = 16;

    /** "unlimited". */
    public static final long RLIM_INFINITY = -1L;

    /** Where the first value starts; the kernel pads the name to 25 columns. */
    private static final int NAME_COLUMNS = 25;

    /** Indexed by RLIMIT_ number, except on alpha, mips and sparc. */
    private static final String[] NAMES = {
        "Max cpu time ",
        "Max file size ",
        "Max data size ",
        "Max stack size ",
        "Max core file size ",
        "Max resident set ",
        "Max processes ",
        "Max open files ",
        "Max locked memory ",
        "Max address space ",
        "Max file locks ",
        "Max pending signals ",
        "Max msgqueue size ",
        "Max nice priority ",
        "Max realtime priority ",
        "Max realtime timeout "
    };

    public static Limits read(int pid) {
        ProcBuffer buffer = ProcBuffer.read("/proc/" + pid + "/limits");
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static Limits parse(byte[] text, int lengthBytes) {
        ByteScanner scan = new ByteScanner("limits", text, lengthBytes);
        long[][] values = new long[NR_LIMITS][];
        while (!scan.atEnd()) {
            int lineStart = scan.pos();
            int resource = resource(scan);
            if (resource >= 0) {
                scan.seek(Math.min(lineStart + NAME_COLUMNS, scan.endOfLine()));
                values[resource] = new long[] {value(scan), value(scan)};
            }
            scan.skipLine();
        }
        for (int i = 0; i < NR_LIMITS; i++) {
            if (values[i] == null) {
                throw new JcriuException(
                        Kind.INTERNAL, "/proc limits: no line for " + NAMES[i].trim());
            }
        }
        return new Limits(values);
    }

    /** What a resource is called in {@code /proc/PID/limits}, in small letters. */
    public static String name(int resource) {
        return NAMES[resource].trim().toLowerCase(java.util.Locale.ROOT);
    }

    public static String text(long limit) {
        return limit == RLIM_INFINITY ? "unlimited" : Long.toUnsignedString(limit);
    }

    public long soft(int resource) {
        return values[resource][0];
    }

    public long hard(int resource) {
        return values[resource][1];
    }

    private static int resource(ByteScanner scan) {
        for (int i = 0; i < NR_LIMITS; i++) {
            if (scan.skipIf(NAMES[i])) {
                return i;
            }
        }
        return -1;
    }

    private static long value(ByteScanner scan) {
        scan.skipBlanks();
        return scan.skipIf("unlimited") ? RLIM_INFINITY : scan.decimal();
    }
}
