/* Three thousand supplementary groups; a child with none, and a thread with others. */
#include <grp.h>
#include <pthread.h>
#include "testee.h"

enum { COUNT = 3000 };
static gid_t groups[COUNT], now[COUNT + 1];
static volatile int set, go_on;

static void *run(void *arg) {
    gid_t three[] = {11, 12, 13}, mine[8];
    SYS(syscall(SYS_setgroups, 3, three)); /* raw: of this thread only */
    set = 1;
    while (!go_on) testee_sleep_ms(2);
    CHECK(syscall(SYS_getgroups, 8, mine) == 3 && !memcmp(mine, three, sizeof three), "the thread's groups differ");
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (geteuid() != 0) testee_skip("needs root");
    for (int i = 0; i < COUNT; i++) groups[i] = (gid_t)(100000 + 7 * i);
    SYS(setgroups(0, NULL));
    pid_t pid = testee_child(testee_idle, NULL); /* the harness compares its groups */
    SYS(setgroups(COUNT, groups));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    testee_await(&set, "the thread");
    testee_ready();
    testee_wait();
    int n = SYS(getgroups(COUNT + 1, now));
    CHECK(n == COUNT && !memcmp(now, groups, sizeof groups), "%d groups, the last is %u", n, n > 0 ? now[n - 1] : 0);
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_reap(pid, SIGTERM);
    testee_pass();
}
