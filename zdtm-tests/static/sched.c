/* Nice values, scheduling policies and affinities, each thread its own. */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include "testee.h"

struct setting {
    int policy, priority, nice, cpu;
};
static const struct setting settings[] = {
    {SCHED_OTHER, 0, 7, 0}, {SCHED_BATCH, 0, 3, 0}, {SCHED_IDLE, 0, 0, 0}, {SCHED_OTHER, 0, -5, -1},
    {SCHED_FIFO, 5, 0, -1}, {SCHED_RR, 7, 0, -1},
};
#define COUNT ((int)(sizeof settings / sizeof *settings))
static volatile int go_on, set, realtime_refused;

static void *run(void *arg) {
    const struct setting *s = arg;
    struct sched_param param = {s->priority}, now;
    cpu_set_t cpus, now_cpus;
    CPU_ZERO(&cpus);
    CPU_SET(s->cpu < 0 ? 0 : s->cpu, &cpus);
    int refused = 0;
    if (s->cpu >= 0) SYS(sched_setaffinity(0, sizeof cpus, &cpus));
    if (syscall(SYS_sched_setscheduler, 0, s->policy, &param) < 0) {
        CHECK(s->priority > 0, "setscheduler: %s", strerror(errno));
        refused = realtime_refused = 1;
    }
    if (setpriority(PRIO_PROCESS, gettid(), s->nice) < 0) {
        CHECK(s->nice < 0, "setpriority: %s", strerror(errno));
        refused = 1;
    }
    __sync_fetch_and_add(&set, 1);
    while (!go_on) testee_sleep_ms(5);
    if (refused) return arg;
    int policy = SYS(sched_getscheduler(0));
    SYS(sched_getparam(0, &now));
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, gettid());
    CHECK(policy == s->policy && now.sched_priority == s->priority && nice == s->nice,
          "policy %d priority %d nice %d, not %d %d %d", policy, now.sched_priority, nice, s->policy,
          s->priority, s->nice);
    SYS(sched_getaffinity(0, sizeof now_cpus, &now_cpus));
    CHECK(s->cpu < 0 || CPU_EQUAL(&cpus, &now_cpus), "affinity differs");
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[COUNT];
    for (int i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)&settings[i]));
    while (set < COUNT) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    go_on = 1;
    for (int i = 0; i < COUNT; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
