/* Threads come and go all the time; what they have counted is right at the end. */
#include <pthread.h>
#include "testee.h"

static volatile long sum;
static void *add(void *n) {
    long before = (long)n;
    for (volatile int i = 0; i < 2000; i++) before++;
    __sync_fetch_and_add(&sum, before - (long)n == 2000);
    return (void *)((long)n * 3);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    long made = 0;
    int ready = 0, go;
    do {
        go = ready ? testee_go() : 1;
        pthread_t threads[8];
        for (long i = 0; i < 8; i++) PT(pthread_create(&threads[i], NULL, add, (void *)(made + i)));
        for (long i = 0; i < 8; i++) {
            void *result;
            PT(pthread_join(threads[i], &result));
            CHECK((long)result == (made + i) * 3, "thread %ld returned %ld", made + i, (long)result);
        }
        made += 8;
        if (!ready && made > 400) testee_ready(), ready = 1;
    } while (go);
    CHECK(sum == made, "%ld threads counted, %ld were made", sum, made);
    testee_pass();
}
