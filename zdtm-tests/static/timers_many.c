/* Four thousand POSIX timers: every one is there under its id, with its value and time left. */
#include "testee.h"

enum { TIMERS = 4000 };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int ids[TIMERS];
    for (int i = 0; i < TIMERS; i++) {
        struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = i};
        SYS(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &ids[i]));
        struct itimerspec spec = {.it_value = {1000 + i, 0}};
        SYS(syscall(SYS_timer_settime, ids[i], 0, &spec, NULL));
    }
    testee_ready();
    testee_wait();
    for (int i = 0; i < TIMERS; i++) {
        struct itimerspec now;
        CHECK(syscall(SYS_timer_gettime, ids[i], &now) == 0, "timer %d: %s", ids[i], strerror(errno));
        long left = now.it_value.tv_sec, full = 1000 + i;
        CHECK(left > full - 900 && left <= full, "timer %d has %ld s left of %ld", ids[i], left, full);
        SYS(syscall(SYS_timer_delete, ids[i]));
    }
    testee_pass();
}
