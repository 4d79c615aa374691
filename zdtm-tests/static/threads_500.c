/* Five hundred threads, each with its own mask, stack contents and thread-local variable. */
#include <pthread.h>
#include "testee.h"

enum { THREADS = 500 };
static __thread int mine;
static volatile int go, ready, bad;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *run(void *number_) {
    int number = (int)(intptr_t)number_, on_stack[64];
    sigset_t set, now;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + number % 20);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    mine = number;
    for (int i = 0; i < 64; i++) on_stack[i] = number * 64 + i;
    pid_t tid = gettid();
    pthread_mutex_lock(&lock);
    ready++;
    while (!go) pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    int good = mine == number && gettid() == tid && sigismember(&now, SIGRTMIN + number % 20);
    for (int i = 0; i < 64; i++) good &= on_stack[i] == number * 64 + i;
    if (!good) __sync_fetch_and_add(&bad, 1);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    static pthread_t threads[THREADS];
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 << 10);
    for (int i = 0; i < THREADS; i++) PT(pthread_create(&threads[i], &attr, run, (void *)(intptr_t)i));
    while (ready < THREADS) testee_sleep_ms(5);
    testee_ready();
    testee_wait();
    pthread_mutex_lock(&lock);
    go = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < THREADS; i++) PT(pthread_join(threads[i], NULL));
    CHECK(!bad, "%d threads have lost something", bad);
    testee_pass();
}
