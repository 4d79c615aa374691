package jcriu.proc;

import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import jcriu.kernel.Syscall;
import jcriu.sys.Native;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("live")
class VmaIteratorIT {
    /** The kernel tells some mappings of such a process again and again: that must have an end. */
    @Test
    void shouldEndWhileMappingsComeAndGo() {
        Optional<VmaIterator> there = VmaIterator.open();
        assumeTrue(there.isPresent(), "no BPF iterator tells mappings here");
        int self = (int) ProcessHandle.current().pid();
        AtomicBoolean over = new AtomicBoolean();
        Thread other =
                new Thread(
                        () -> {
                            while (!over.get()) {
                                long at = Native.call(Syscall.MMAP, 0, 8192, 3, 0x22, -1, 0);
                                Native.call(Syscall.MUNMAP, at, 8192);
                            }
                        });
        other.start();
        try (VmaIterator iterator = there.get()) {
            assertTimeoutPreemptively(
                    Duration.ofSeconds(120),
                    () -> {
                        for (int i = 0; i < 3000; i++) {
                            long end = 0;
                            for (VmaIterator.Vma vma : iterator.read(self)) {
                                assertTrue(Long.compareUnsigned(end, vma.start()) <= 0, "" + vma);
                                end = vma.end();
                            }
                            assertTrue(end != 0);
                        }
                    });
        } finally {
            over.set(true);
        }
    }
}
