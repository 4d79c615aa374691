package jcriu.sys;

import jcriu.kernel.Syscall;

/** clock_gettime(2). */
public final class Clocks {
    public static final int MONOTONIC = 1;
    public static final int BOOTTIME = 7;

    private Clocks() {}

    /** {seconds, nanoseconds}. */
    public static long[] read(int clock) {
        try (NativeMemory out = NativeMemory.allocate(16)) {
            Native.check(Native.call(Syscall.CLOCK_GETTIME, clock, out.address()), "clock_gettime");
            return new long[] {out.getLong(0), out.getLong(8)};
        }
    }
}
