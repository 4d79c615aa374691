/* What sched_setattr(2) sets beside the policy: reset on fork, and the slice, per thread. */
#include <pthread.h>
#include "testee.h"

struct attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t util_min, util_max;
};
enum { RESET_ON_FORK = 1, COUNT = 2 };
static volatile int set, go_on;

static void *run(void *arg) {
    struct attr want = {.size = sizeof want, .policy = arg ? 3 : 0, .nice = 4, .runtime = arg ? 0 : 2500000};
    struct attr before = {0}, after = {0};
    want.flags = RESET_ON_FORK;
    SYS(syscall(SYS_sched_setattr, 0, &want, 0));
    SYS(syscall(SYS_sched_getattr, 0, &before, sizeof before, 0));
    CHECK(before.flags & RESET_ON_FORK, "it is not set at all");
    __sync_fetch_and_add(&set, 1);
    while (!go_on) testee_sleep_ms(5);
    SYS(syscall(SYS_sched_getattr, 0, &after, sizeof after, 0));
    CHECK(!memcmp(&before, &after, sizeof before), "policy %u flags %#lx nice %d runtime %lu", after.policy,
          (long)after.flags, after.nice, (long)after.runtime);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[COUNT];
    for (long i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)i));
    while (set < COUNT) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    go_on = 1;
    for (int i = 0; i < COUNT; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
