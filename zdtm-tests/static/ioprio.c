/* I/O priorities: of a task, of its child, and another for each thread. */
#include <pthread.h>
#include "testee.h"

enum { BEST_EFFORT = 2 << 13, IDLE = 3 << 13 };
static volatile int set, go_on;

static void *run(void *arg) {
    int mine = (int)(long)arg;
    SYS(syscall(SYS_ioprio_set, 1, 0, mine));
    __sync_fetch_and_add(&set, 1);
    while (!go_on) testee_sleep_ms(2);
    long now = SYS(syscall(SYS_ioprio_get, 1, 0));
    CHECK(now == mine, "a thread has %#lx, not %#x", now, mine);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(syscall(SYS_ioprio_set, 1, 0, BEST_EFFORT | 6));
    pid_t pid = testee_child(testee_idle, NULL);
    SYS(syscall(SYS_ioprio_set, 1, pid, IDLE));
    int each[] = {BEST_EFFORT | 0, BEST_EFFORT | 7, IDLE, BEST_EFFORT | 3};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) PT(pthread_create(&threads[i], NULL, run, (void *)(long)each[i]));
    while (set < 4) testee_sleep_ms(1);
    long before = SYS(syscall(SYS_ioprio_get, 1, 0)), its = SYS(syscall(SYS_ioprio_get, 1, pid));
    testee_ready();
    testee_wait();
    go_on = 1;
    for (int i = 0; i < 4; i++) PT(pthread_join(threads[i], NULL));
    long now = SYS(syscall(SYS_ioprio_get, 1, 0));
    CHECK(now == before, "it has %#lx, not %#lx", now, before);
    now = SYS(syscall(SYS_ioprio_get, 1, pid));
    CHECK(now == its, "the child has %#lx, not %#lx", now, its);
    testee_reap(pid, SIGTERM);
    testee_pass();
}
