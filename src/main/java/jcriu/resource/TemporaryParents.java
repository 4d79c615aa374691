package jcriu.resource;

import static jcriu.kernel.FileConstants.*;

import java.util.ArrayDeque;
import java.util.Deque;
import jcriu.errors.Errno;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;

/**
 * The directories above a path that are gone, made again for the moment in which something is made
 * there: a deleted file is often in a deleted directory.
 */
final class TemporaryParents implements AutoCloseable {
    private final Deque<String> made = new ArrayDeque<>();

    /** Makes what is missing above {@code path}; what cannot be made shows at the next step. */
    void make(String path) {
        for (int slash = path.indexOf('/', 1); slash > 0; slash = path.indexOf('/', slash + 1)) {
            String parent = path.substring(0, slash);
            try (NativeMemory name = NativeMemory.cString(parent)) {
                long r = Native.call(Syscall.MKDIRAT, AT_FDCWD, name.address(), 0700);
                if (r == 0) {
                    made.push(parent);
                } else if (r != -Errno.EEXIST.number()) {
                    return;
                }
            }
        }
    }

    static String parentOf(String path) {
        int slash = path.lastIndexOf('/');
        return slash <= 0 ? "/" : path.substring(0, slash);
    }

    /** unlinkat(2); a name that is gone is no matter. */
    static void unlink(String path, int flags) {
        try (NativeMemory name = NativeMemory.cString(path)) {
            Native.call(Syscall.UNLINKAT, AT_FDCWD, name.address(), flags);
        }
    }

    @Override
    public void close() {
        while (!made.isEmpty()) {
            unlink(made.pop(), AT_REMOVEDIR);
        }
    }
}
