/* Twenty robust mutexes of a thread that ends holding them, after the restore; some of another that lives on. */
#include <pthread.h>
#include "testee.h"

enum { COUNT = 20 };
static pthread_mutex_t mutexes[2][COUNT];
static volatile int held, end[2];

static void *holds(void *arg) {
    int n = (int)(long)arg;
    for (int i = 0; i < COUNT; i++) PT(pthread_mutex_lock(&mutexes[n][i]));
    PT(pthread_mutex_unlock(&mutexes[n][7])); /* from the middle of the list */
    __sync_fetch_and_add(&held, 1);
    while (!end[n]) testee_sleep_ms(2);
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_mutexattr_t attr;
    PT(pthread_mutexattr_init(&attr));
    PT(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    for (int i = 0; i < 2 * COUNT; i++) PT(pthread_mutex_init(&mutexes[i / COUNT][i % COUNT], &attr));
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) PT(pthread_create(&threads[i], NULL, holds, (void *)(long)i));
    while (held < 2) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    end[0] = 1;
    PT(pthread_join(threads[0], NULL));
    for (int i = 0; i < COUNT; i++) {
        int error = pthread_mutex_trylock(&mutexes[0][i]);
        CHECK(error == (i == 7 ? 0 : EOWNERDEAD), "mutex %d of the dead thread: %s", i, strerror(error));
        error = pthread_mutex_trylock(&mutexes[1][i]);
        CHECK(error == (i == 7 ? 0 : EBUSY), "mutex %d of the living thread: %s", i, strerror(error));
    }
    PT(pthread_mutex_unlock(&mutexes[1][7]));
    end[1] = 1;
    PT(pthread_join(threads[1], NULL));
    testee_pass();
}
