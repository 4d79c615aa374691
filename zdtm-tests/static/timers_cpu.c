/* Timers of processor time, by setitimer and timer_create: they go on counting what is used, and fire. */
#include <sys/time.h>
#include "testee.h"

static volatile int virt, prof, posix;
static void on_signal(int sig) {
    if (sig == SIGVTALRM) virt++;
    else if (sig == SIGPROF) prof++;
    else posix++;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int sigs[] = {SIGVTALRM, SIGPROF, SIGRTMIN + 1};
    for (int i = 0; i < 3; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        SYS(sigaction(sigs[i], &action, NULL));
    }
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 1};
    timer_t timer;
    SYS(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
    struct itimerval v = {{0, 60000}, {0, 60000}};
    struct itimerspec t = {{0, 60000000}, {0, 60000000}}, now;
    SYS(setitimer(ITIMER_VIRTUAL, &v, NULL));
    SYS(setitimer(ITIMER_PROF, &v, NULL));
    SYS(timer_settime(timer, 0, &t, NULL));
    testee_ready();
    testee_wait();
    int before[] = {virt, prof, posix};
    SYS(timer_gettime(timer, &now));
    CHECK(now.it_interval.tv_nsec == 60000000, "the interval is %ld", now.it_interval.tv_nsec);
    int64_t begin = testee_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    volatile uint64_t sum = 0;
    while (testee_now_ns(CLOCK_PROCESS_CPUTIME_ID) < begin + 400000000) /* of processor time, however long that takes */
        for (uint64_t i = 0; i < 100000; i++) sum += i;
    CHECK(virt - before[0] >= 2 && prof - before[1] >= 2 && posix - before[2] >= 2, "they fired %d, %d and %d times", virt - before[0],
          prof - before[1], posix - before[2]);
    testee_pass();
}
