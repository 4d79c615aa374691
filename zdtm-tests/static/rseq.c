/* glibc's rseq area stays registered: its cpu number follows the thread from processor to processor. */
#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>
#include "testee.h"

static volatile int go_on;

static void follow(void) {
    const volatile struct rseq *r =
        (const volatile struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
    cpu_set_t all, one;
    SYS(sched_getaffinity(0, sizeof all, &all));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all)) continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        SYS(sched_setaffinity(0, sizeof one, &one));
        unsigned real;
        SYS(syscall(SYS_getcpu, &real, NULL, NULL));
        CHECK((int)real == cpu && (int)r->cpu_id == cpu && sched_getcpu() == cpu, "on %u, rseq says %u, libc %d",
              real, r->cpu_id, sched_getcpu());
    }
    SYS(sched_setaffinity(0, sizeof all, &all));
}

static void *run(void *arg) {
    while (!go_on) testee_sleep_ms(3);
    follow();
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (__rseq_size == 0) testee_skip("glibc has registered no rseq area here");
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    follow();
    testee_ready();
    testee_wait();
    follow();
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_pass();
}
