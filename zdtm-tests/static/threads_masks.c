/* Threads with different signal masks and pending thread-directed signals. */
#include <pthread.h>
#include "testee.h"

#define COUNT 8

static volatile int go_on, ready;
static __thread volatile int got;

static void on_usr1(int sig) {
    got += sig == SIGUSR1;
}

static void *run(void *arg) {
    int i = (int)(long)arg;
    sigset_t mask, now;
    sigfillset(&mask);
    sigdelset(&mask, SIGRTMIN + i);
    PT(pthread_sigmask(SIG_SETMASK, &mask, NULL));
    if (i % 2) PT(pthread_kill(pthread_self(), SIGUSR1));
    __sync_fetch_and_add(&ready, 1);
    while (!go_on) testee_sleep_ms(10);
    PT(pthread_sigmask(SIG_BLOCK, NULL, &now));
    for (int sig = 34; sig <= 64; sig++)
        CHECK(sigismember(&now, sig) == sigismember(&mask, sig), "thread %d: signal %d", i, sig);
    CHECK(got == 0, "thread %d took a blocked signal", i);
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    PT(pthread_sigmask(SIG_UNBLOCK, &mask, NULL));
    CHECK(got == i % 2, "thread %d took %d signals", i, got);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    signal(SIGUSR1, on_usr1);
    pthread_t threads[COUNT];
    for (long i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)i));
    while (ready < COUNT) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    go_on = 1;
    for (int i = 0; i < COUNT; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
