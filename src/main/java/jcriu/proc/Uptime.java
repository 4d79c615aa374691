package jcriu.proc;

/**
 * {@code /proc/uptime}.
 *
 * <p>Source: proc_uptime(5).
 *
 * @param upMs since boot, suspend included, in steps of 10
 * @param idleMs summed over all CPUs
 */
public record Uptime(long upMs, long idleMs) {
    public static Uptime read() {
        ProcBuffer buffer = ProcBuffer.read("/proc/uptime");
        return parse(buffer.bytes(), buffer.lengthBytes());
    }

    public static Uptime parse(byte[] text, int lengthBytes) {
        ByteScanner scan = new ByteScanner("uptime", text, lengthBytes);
        return new Uptime(millis(scan), millis(scan));
    }

    /** Seconds with two digits behind the point. */
    private static long millis(ByteScanner scan) {
        long seconds = scan.decimal();
        scan.expect('.');
        return seconds * 1000 + scan.decimal() * 10;
    }
}
