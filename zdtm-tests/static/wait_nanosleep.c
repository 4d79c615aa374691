/* Relative sleeps: whatever was left to sleep is slept, none of it lost. */
#include <pthread.h>
#include "testee.h"

static volatile int go_on;

static void *run(void *arg) {
    (void)arg;
    while (!go_on) {
        struct timespec t = {0, 300000000}, rest = {-1, -1};
        int64_t begin = testee_now_ns(CLOCK_MONOTONIC);
        while (nanosleep(&t, &rest) < 0) {
            CHECK(errno == EINTR, "nanosleep: %s", strerror(errno));
            CHECK(rest.tv_sec == 0 && rest.tv_nsec >= 0 && rest.tv_nsec <= 300000000,
                  "nanosleep says %ld.%09ld are left", (long)rest.tv_sec, rest.tv_nsec);
            t = rest;
        }
        int64_t took = testee_now_ns(CLOCK_MONOTONIC) - begin;
        CHECK(took >= 299000000, "0.3 s were over after %ld ns", took);
    }
    return NULL;
}

/* As sleep(3) does it: the rest goes where the request is. Nobody sends a signal, so no EINTR. */
static void *same(void *arg) {
    (void)arg;
    while (!go_on) {
        struct timespec t = {0, 300000000};
        int64_t begin = testee_now_ns(CLOCK_MONOTONIC);
        CHECK(nanosleep(&t, &t) == 0, "nanosleep: %s, %ld ns left", strerror(errno), t.tv_nsec);
        int64_t took = testee_now_ns(CLOCK_MONOTONIC) - begin;
        CHECK(took >= 299000000, "0.3 s were over after %ld ns", took);
    }
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t thread, other;
    PT(pthread_create(&thread, NULL, run, NULL));
    PT(pthread_create(&other, NULL, same, NULL));
    testee_ready();
    testee_wait();
    go_on = 1;
    PT(pthread_join(thread, NULL));
    PT(pthread_join(other, NULL));
    testee_pass();
}
