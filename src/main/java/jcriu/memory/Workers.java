package jcriu.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jcriu.errors.Interruption;

/** One thread per core that moves pages. ptrace never happens here. */
public final class Workers implements AutoCloseable {
    private final int count = Runtime.getRuntime().availableProcessors();
    private final ExecutorService threads =
            Executors.newFixedThreadPool(
                    count,
                    task -> {
                        Thread thread = new Thread(task, "pages");
                        thread.setDaemon(true);
                        return thread;
                    });

    /** Runs all jobs and waits; the first failure is thrown when all have ended. */
    public void run(List<? extends Runnable> jobs) {
        if (jobs.size() == 1) {
            jobs.get(0).run();
            return;
        }
        List<Future<?>> futures = new ArrayList<>();
        for (Runnable job : jobs) {
            futures.add(
                    threads.submit(
                            () -> {
                                Interruption.check();
                                job.run();
                            }));
        }
        RuntimeException first = null;
        for (Future<?> future : futures) {
            try {
                future.get();
            } catch (ExecutionException e) {
                RuntimeException failure =
                        e.getCause() instanceof RuntimeException r
                                ? r
                                : new IllegalStateException(e.getCause());
                if (first == null) {
                    first = failure;
                } else {
                    first.addSuppressed(failure);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while pages move", e);
            }
        }
        if (first != null) {
            throw first;
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
