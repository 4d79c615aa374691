/* All three interval timers are kept; ITIMER_REAL goes on ticking. */
#include <sys/time.h>
#include "testee.h"

static volatile int ticks;
static void on_alarm(int sig) {
    (void)sig;
    ticks++;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    signal(SIGALRM, on_alarm);
    struct itimerval real = {{0, 50000}, {0, 50000}}, virt = {{7000, 120000}, {5000, 0}},
                     prof = {{0, 0}, {3000, 0}}, now;
    SYS(setitimer(ITIMER_REAL, &real, NULL));
    SYS(setitimer(ITIMER_VIRTUAL, &virt, NULL));
    SYS(setitimer(ITIMER_PROF, &prof, NULL));
    testee_ready();
    while (testee_go()) testee_sleep_ms(20); /* not testee_wait: see timers_posix */
    int before = ticks;
    SYS(getitimer(ITIMER_REAL, &now));
    CHECK(now.it_interval.tv_sec == 0 && now.it_interval.tv_usec >= 50000 && now.it_interval.tv_usec < 60000,
          "ITIMER_REAL's interval is %ld.%06ld", now.it_interval.tv_sec, now.it_interval.tv_usec);
    SYS(getitimer(ITIMER_VIRTUAL, &now));
    CHECK(now.it_interval.tv_sec == 7000 && now.it_value.tv_sec >= 4900 && now.it_value.tv_sec <= 5001,
          "ITIMER_VIRTUAL has %ld left every %ld", now.it_value.tv_sec, now.it_interval.tv_sec);
    SYS(getitimer(ITIMER_PROF, &now));
    CHECK(now.it_interval.tv_sec == 0 && now.it_value.tv_sec >= 2900 && now.it_value.tv_sec <= 3001,
          "ITIMER_PROF has %ld left", now.it_value.tv_sec);
    testee_sleep_ms(500);
    CHECK(ticks - before >= 4, "%d ticks in half a second", ticks - before);
    testee_pass();
}
