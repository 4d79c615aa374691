/* A static executable, at a fixed place: its own set-up of threads and no loader. */
#include <pthread.h>
#include "testee.h"

static __thread int mine = 3;
static int data = 7, bss[100000];
static volatile int go, good;
static void *run(void *unused) {
    (void)unused;
    mine = 9;
    while (!go) testee_sleep_ms(5);
    good = mine == 9;
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    data = 8;
    for (int i = 0; i < 100000; i++) bss[i] = i * 3;
    testee_ready();
    testee_wait();
    go = 1;
    PT(pthread_join(thread, NULL));
    CHECK(good && mine == 3 && data == 8, "thread-local %d, data %d", mine, data);
    for (int i = 0; i < 100000; i++) CHECK(bss[i] == i * 3, "bss[%d] is %d", i, bss[i]);
    testee_pass();
}
