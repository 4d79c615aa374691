/* Absolute clock_nanosleep restarts by itself: no EINTR, and not before its time. */
#include <pthread.h>
#include "testee.h"

static volatile int go_on;

static void *run(void *arg) {
    clockid_t clock = (clockid_t)(long)arg;
    while (!go_on) {
        int64_t until = testee_now_ns(clock) + 200000000;
        struct timespec t = {until / 1000000000, until % 1000000000};
        int error = clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL);
        CHECK(error == 0, "clock %d: %s", clock, strerror(error));
        CHECK(testee_now_ns(clock) >= until, "clock %d: woke early", clock);
    }
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[2];
    PT(pthread_create(&threads[0], NULL, run, (void *)(long)CLOCK_MONOTONIC));
    PT(pthread_create(&threads[1], NULL, run, (void *)(long)CLOCK_REALTIME));
    testee_ready();
    testee_wait();
    go_on = 1;
    for (int i = 0; i < 2; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
