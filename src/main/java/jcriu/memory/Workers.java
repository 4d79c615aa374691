package jcriu.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
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

    /**
     * Runs all jobs, the caller's thread among the workers, and waits; the first failure is thrown
     * when all have ended.
     */
    public void run(List<? extends Runnable> jobs) {
        AtomicInteger next = new AtomicInteger();
        Runnable worker =
                () -> {
                    RuntimeException first = null;
                    int job;
                    while ((job = next.getAndIncrement()) < jobs.size()) {
                        try {
                            Interruption.check();
                            jobs.get(job).run();
                        } catch (RuntimeException e) {
                            if (first == null) {
                                first = e;
                            } else {
                                first.addSuppressed(e);
                            }
                        }
                    }
                    if (first != null) {
                        throw first;
                    }
                };
        List<Future<?>> others = new ArrayList<>();
        for (int i = 1; i < Math.min(count, jobs.size()); i++) {
            others.add(threads.submit(worker));
        }
        RuntimeException failure = null;
        try {
            worker.run();
        } catch (RuntimeException e) {
            failure = e;
        }
        for (Future<?> other : others) {
            try {
                other.get();
            } catch (ExecutionException e) {
                RuntimeException theirs =
                        e.getCause() instanceof RuntimeException r
                                ? r
                                : new IllegalStateException(e.getCause());
                if (failure == null) {
                    failure = theirs;
                } else {
                    failure.addSuppressed(theirs);
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("interrupted while pages move", e);
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
