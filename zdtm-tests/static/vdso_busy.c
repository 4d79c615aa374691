/* Threads that are in the vDSO nearly all the time: time never goes back, no call fails. */
#include <pthread.h>
#include <sys/time.h>
#include "testee.h"

static volatile int stop, bad;
static void *watch(void *clock_) {
    clockid_t clock = (clockid_t)(intptr_t)clock_;
    int64_t last = 0;
    while (!stop) {
        struct timespec t;
        struct timeval v;
        if (clock_gettime(clock, &t) || gettimeofday(&v, NULL)) bad = 1;
        int64_t now = t.tv_sec * 1000000000LL + t.tv_nsec;
        if (now < last || v.tv_usec >= 1000000) bad = 2;
        last = now;
    }
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME, CLOCK_MONOTONIC_COARSE};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) PT(pthread_create(&threads[i], NULL, watch, (void *)(intptr_t)clocks[i]));
    testee_ready();
    testee_wait();
    testee_sleep_ms(50);
    stop = 1;
    for (int i = 0; i < 4; i++) PT(pthread_join(threads[i], NULL));
    CHECK(!bad, "%s", bad == 1 ? "a call failed" : "time went back");
    testee_pass();
}
