package jcriu.memory;

import com.kenai.jffi.Library;
import com.kenai.jffi.MemoryIO;
import java.nio.ByteBuffer;
import java.util.Arrays;
import jcriu.kernel.Arch;
import jcriu.kernel.Assembler;
import jcriu.store.PageDigests;
import jcriu.store.PagemapRun;
import jcriu.sys.Native;
import jcriu.sys.NativeMemory;
import org.slf4j.LoggerFactory;

/**
 * Digests pages in native memory, the same digests as {@link PageDigests#of}: by xxHash's own
 * library where the system has it, because all memory is digested while a tree is stopped
 * (docs/adr/0016).
 */
public final class PageHash {
    /**
     * Another name, with {@code -Djcriu.xxhash=NAME}, is a test's wish: a library that is missing.
     */
    private static final String LIBRARY = System.getProperty("jcriu.xxhash", "libxxhash.so.0");

    private static final MemoryIO MEMORY = MemoryIO.getInstance();

    /** Loops over pages; 0 if there is no library that can be used. */
    private static final long LOOP;

    /** {@code XXH128_hash_t XXH3_128bits(const void *, size_t)}. */
    private static final long DIGEST;

    static {
        Library library =
                Native.ARCH == Arch.X86_64 ? Library.openLibrary(LIBRARY, Library.LAZY) : null;
        long digest = library == null ? 0 : digest(library);
        long loop = digest == 0 ? 0 : Native.code(Assembler.pageDigestsFunction());
        LOOP = loop != 0 && isRight(loop, digest) ? loop : 0;
        DIGEST = digest;
        LoggerFactory.getLogger("digest")
                .debug("pages are digested by {}", LOOP == 0 ? "hash4j" : LIBRARY);
    }

    private PageHash() {}

    /** Since version 0.8.1 it can take what the processor has best; else it goes by SSE2. */
    private static long digest(Library library) {
        long best = library.getSymbolAddress("XXH3_128bits_dispatch");
        return best != 0 ? best : library.getSymbolAddress("XXH3_128bits");
    }

    /** Before version 0.8 the library had another XXH3. */
    private static boolean isRight(long loop, long digest) {
        try (NativeMemory page = NativeMemory.allocate(PagemapRun.PAGE_SIZE)) {
            ByteBuffer zeros = page.buffer(0, PagemapRun.PAGE_SIZE);
            return Arrays.equals(PageDigests.of(zeros), of(zeros, loop, digest));
        }
    }

    /**
     * The digests of pages that stand together, two words each, the low half first.
     *
     * @param pages what remains of a direct buffer, whole pages; its position stays
     */
    public static long[] of(ByteBuffer pages) {
        return LOOP == 0 || !pages.hasRemaining() ? PageDigests.of(pages) : of(pages, LOOP, DIGEST);
    }

    private static long[] of(ByteBuffer pages, long loop, long digest) {
        int count = pages.remaining() / PagemapRun.PAGE_SIZE;
        long[] digests = new long[2 * count];
        try (NativeMemory block = NativeMemory.allocate(32L + 16L * count)) {
            block.putLong(0, MEMORY.getDirectBufferAddress(pages) + pages.position());
            block.putLong(8, count);
            block.putLong(16, block.address() + 32);
            block.putLong(24, digest);
            Native.run(loop, block.address());
            MEMORY.getLongArray(block.address() + 32, digests, 0, digests.length);
        }
        return digests;
    }

    /** Whether the system has xxHash's library. */
    static boolean isNative() {
        return LOOP != 0;
    }
}
