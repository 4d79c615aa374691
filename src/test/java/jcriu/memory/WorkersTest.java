package jcriu.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class WorkersTest {
    private static final int CORES = Runtime.getRuntime().availableProcessors();

    /** As if the processors were another program's. */
    @Test
    void shouldNotWaitForAWorkerThatHasNotBegun() throws InterruptedException {
        CountDownLatch over = new CountDownLatch(1);
        CountDownLatch busy = new CountDownLatch(Math.min(2 * CORES, CORES + 2));
        List<Thread> others = new ArrayList<>();
        try (Workers workers = new Workers()) {
            for (int i = 0; i < 2; i++) {
                Thread other =
                        new Thread(
                                () ->
                                        workers.run(
                                                Collections.nCopies(
                                                        CORES,
                                                        () -> {
                                                            busy.countDown();
                                                            await(over);
                                                        })));
                other.start();
                others.add(other);
            }
            busy.await();
            AtomicInteger done = new AtomicInteger();
            assertTimeoutPreemptively(
                    Duration.ofSeconds(30),
                    () -> workers.run(Collections.nCopies(100, done::incrementAndGet)));
            assertEquals(100, done.get());
            over.countDown();
            for (Thread other : others) {
                other.join();
            }
        }
    }

    @Test
    void shouldThrowTheFirstFailureWhenAllHaveEnded() {
        AtomicInteger done = new AtomicInteger();
        List<Runnable> jobs = new ArrayList<>(Collections.nCopies(20, done::incrementAndGet));
        jobs.set(
                3,
                () -> {
                    throw new IllegalStateException("third");
                });
        try (Workers workers = new Workers()) {
            assertEquals(
                    "third",
                    assertThrows(IllegalStateException.class, () -> workers.run(jobs))
                            .getMessage());
        }
        assertEquals(19, done.get());
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
