package jcriu.memory;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import jcriu.errors.Interruption;

/** One thread per core that moves pages. ptrace never happens here. */
public final class Workers implements AutoCloseable {
    static final int CORES = Runtime.getRuntime().availableProcessors();

    private final ExecutorService threads =
            Executors.newFixedThreadPool(
                    CORES,
                    task -> {
                        Thread thread = new Thread(task, "pages");
                        thread.setDaemon(true);
                        return thread;
                    });

    /**
     * Runs all jobs, the caller's thread among the workers, and waits; the first failure is thrown
     * when all have ended. A worker that has not come to run by then is not waited for: on a busy
     * machine that may take longer than all the jobs.
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
        List<Helper> helpers = new ArrayList<>();
        for (int i = 1; i < Math.min(CORES, jobs.size()); i++) {
            helpers.add(new Helper(worker));
        }
        helpers.forEach(helper -> helper.future = threads.submit(helper));
        RuntimeException failure = null;
        try {
            worker.run();
        } catch (RuntimeException e) {
            failure = e;
        }
        for (Helper helper : helpers) {
            if (helper.isLate()) {
                continue;
            }
            try {
                helper.future.get();
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

    /** Does its work once, unless it comes too late. */
    private static final class Helper implements Runnable {
        private final Runnable work;
        private final AtomicBoolean taken = new AtomicBoolean();
        private Future<?> future;

        Helper(Runnable work) {
            this.work = work;
        }

        /** Whether it has not begun; then it never will. */
        boolean isLate() {
            return !taken.getAndSet(true);
        }

        @Override
        public void run() {
            if (!taken.getAndSet(true)) {
                work.run();
            }
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
