package jcriu.proc;

/**
 * One line of {@code /proc/PID/maps}, or one block of {@code /proc/PID/smaps}.
 *
 * <p>Addresses are unsigned: [vsyscall] lies at ffffffffff600000.
 *
 * @param start tracee address, inclusive
 * @param end tracee address, exclusive
 * @param prot PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4
 * @param offset bytes into the file
 * @param name the path, or {@code [heap]} and its like, or "" if none. Only newlines are escaped by
 *     the kernel, and put back here; a file really named with {@code \012} looks the same
 * @param deleted whether the name ended in " (deleted)", which {@code name} is without. True of
 *     every memfd and shared anonymous mapping; and of a file really so named
 * @param vmFlags set of {@link VmFlag}; 0 if read from maps
 * @param kernelPageSizeBytes 0 if read from maps
 * @param protectionKey pkey_alloc(2); 0 if read from maps or without hardware for it
 */
public record MapsVma(
        long start,
        long end,
        int prot,
        boolean shared,
        long offset,
        int devMajor,
        int devMinor,
        long inode,
        String name,
        boolean deleted,
        long vmFlags,
        long kernelPageSizeBytes,
        int protectionKey) {

    public long lengthBytes() {
        return end - start;
    }

    public boolean contains(long address) {
        return Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0;
    }

    public boolean has(VmFlag flag) {
        return flag.in(vmFlags);
    }

    /** Whether it begins or ends where the other does, and maps the same in the same way. */
    boolean isLike(MapsVma other) {
        return (start == other.start || end == other.end)
                && prot == other.prot
                && shared == other.shared
                && devMajor == other.devMajor
                && devMinor == other.devMinor
                && inode == other.inode
                && name.equals(other.name);
    }

    /** The same mapping, with what smaps tells of another one. */
    MapsVma withFlagsOf(MapsVma other) {
        return with(other.vmFlags, other.kernelPageSizeBytes, other.protectionKey);
    }

    /** The same mapping with these flags, and with no protection key. */
    MapsVma withFlags(long flags, long pageSizeBytes) {
        return with(flags, pageSizeBytes, 0);
    }

    private MapsVma with(long flags, long pageSizeBytes, int key) {
        return new MapsVma(
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
                flags,
                pageSizeBytes,
                key);
    }

    @Override
    public String toString() {
        return Long.toHexString(start)
                + "-"
                + Long.toHexString(end)
                + " "
                + ((prot & Maps.PROT_READ) != 0 ? 'r' : '-')
                + ((prot & Maps.PROT_WRITE) != 0 ? 'w' : '-')
                + ((prot & Maps.PROT_EXEC) != 0 ? 'x' : '-')
                + (shared ? 's' : 'p')
                + (name.isEmpty() ? "" : " " + name)
                + (deleted ? " (deleted)" : "");
    }
}
