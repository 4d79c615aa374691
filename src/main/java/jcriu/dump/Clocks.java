package jcriu.dump;

import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/** clock_gettime(2). */
final class Clocks {
    static final int MONOTONIC = 1;
    static final int BOOTTIME = 7;

    private Clocks() {}

    /** {seconds, nanoseconds}. */
    static long[] read(int clock) {
        try (NativeMemory out = NativeMemory.allocate(16)) {
            Native.check(Native.call(Syscall.CLOCK_GETTIME, clock, out.address()), "clock_gettime");
            return new long[] {out.getLong(0), out.getLong(8)};
        }
    }
}
