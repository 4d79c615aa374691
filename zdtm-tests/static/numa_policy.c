/* NUMA policies of threads: set_mempolicy. */
#include <pthread.h>
#include "testee.h"

enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, COUNT };
enum { STATIC_NODES = 1 << 15 };
static volatile int set, go_on;

static void *run(void *arg) {
    int i = (int)(long)arg, mode = -1;
    unsigned long node = 1, now[16] = {0};
    int wanted = i == BIND ? BIND | STATIC_NODES : i;
    if (i != DEFAULT) SYS(syscall(SYS_set_mempolicy, wanted, &node, 64));
    __sync_fetch_and_add(&set, 1);
    while (!go_on) testee_sleep_ms(5);
    SYS(syscall(SYS_get_mempolicy, &mode, now, 1024, NULL, 0));
    CHECK(mode == wanted, "thread %d has the policy %#x, not %#x", i, mode, wanted);
    if (i != DEFAULT) CHECK(now[0] == 1, "thread %d has the nodes %#lx", i, now[0]);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int mode;
    if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) < 0 && errno == ENOSYS) testee_skip("no NUMA in this kernel");
    pthread_t threads[COUNT];
    for (long i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)i));
    while (set < COUNT) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    go_on = 1;
    for (int i = 0; i < COUNT; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
