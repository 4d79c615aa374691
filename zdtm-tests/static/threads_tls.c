/* 64 threads with their own TLS values, names, stacks and tids. */
#include <pthread.h>
#include "testee.h"

#define COUNT 64

static __thread uint64_t tls_value;
static __thread char tls_block[4096];
static volatile int go_on;
static pthread_barrier_t started;
static pthread_key_t key;

static void *run(void *arg) {
    long i = (long)arg;
    char name[16], now[16];
    pid_t tid = gettid();
    snprintf(name, sizeof name, "thread-%ld", i);
    PT(pthread_setname_np(pthread_self(), name));
    PT(pthread_setspecific(key, (void *)(i * 3)));
    tls_value = i * 1000003;
    testee_fill(tls_block, sizeof tls_block, i);
    pthread_barrier_wait(&started);
    while (!go_on) testee_sleep_ms(20);
    CHECK(tls_value == (uint64_t)i * 1000003, "thread %ld has TLS value %lu", i, tls_value);
    CHECK(testee_differs(tls_block, sizeof tls_block, i) < 0, "thread %ld has another TLS block", i);
    CHECK(pthread_getspecific(key) == (void *)(i * 3), "thread %ld lost its key", i);
    PT(pthread_getname_np(pthread_self(), now, sizeof now));
    CHECK(!strcmp(name, now), "thread %ld is called %s", i, now);
    CHECK(gettid() == tid, "thread %ld had tid %d, has %d", i, tid, gettid());
    return (void *)(i + 1);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[COUNT];
    pthread_barrier_init(&started, NULL, COUNT + 1);
    PT(pthread_key_create(&key, NULL));
    for (long i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)i));
    pthread_barrier_wait(&started);
    testee_ready();
    testee_wait();
    go_on = 1;
    for (long i = 0; i < COUNT; i++) {
        void *result;
        PT(pthread_join(threads[i], &result));
        CHECK(result == (void *)(i + 1), "thread %ld returned %p", i, result);
    }
    testee_pass();
}
