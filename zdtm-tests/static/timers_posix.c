/* POSIX timers: ids (with a gap), clocks, notification, intervals, overruns and the time left are kept. */
#include <pthread.h>
#include "testee.h"

static volatile int ticks, value;
static void on_tick(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)context;
    if (info->si_code == SI_TIMER) value = info->si_value.sival_int;
    ticks++;
}

/* The raw ids: glibc's timer_t is a pointer for SIGEV_THREAD only. */
static int make(clockid_t clock, int notify, int sig, int data) {
    struct sigevent event = {.sigev_notify = notify, .sigev_signo = sig, .sigev_value.sival_int = data};
    if (notify == SIGEV_THREAD_ID) event._sigev_un._tid = gettid();
    int id;
    SYS(syscall(SYS_timer_create, clock, &event, &id));
    return id;
}

static void arm(int id, long first, long interval) {
    struct itimerspec spec = {{interval / 1000, interval % 1000 * 1000000}, {first / 1000, first % 1000 * 1000000}};
    SYS(syscall(SYS_timer_settime, id, 0, &spec, NULL));
}

/* Missed five times, and told: set to when it should have run out first. */
static int64_t overrun(int id, int sig) {
    int64_t now = testee_now_ns(CLOCK_MONOTONIC), interval = now < 700000000000 ? now / 7 : 100000000000, first = now - 5 * interval - interval / 2;
    struct itimerspec spec = {{interval / 1000000000, interval % 1000000000}, {first / 1000000000, first % 1000000000}};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    PT(pthread_sigmask(SIG_BLOCK, &set, NULL));
    SYS(syscall(SYS_timer_settime, id, TIMER_ABSTIME, &spec, NULL));
    siginfo_t info;
    while (sigwaitinfo(&set, &info) < 0) {}
    CHECK(info.si_overrun == 5 && syscall(SYS_timer_getoverrun, id) == 5, "overrun %d and %ld", info.si_overrun, syscall(SYS_timer_getoverrun, id));
    return interval;
}

static volatile int missed = -1, go_on;
static void *of_thread(void *unused) {
    (void)unused;
    int id = make(CLOCK_MONOTONIC, SIGEV_THREAD_ID, SIGRTMIN + 4, 9);
    overrun(id, SIGRTMIN + 4);
    missed = 5;
    while (!go_on) testee_sleep_ms(5);
    CHECK(syscall(SYS_timer_getoverrun, id) == 5, "in the thread: overrun %ld", syscall(SYS_timer_getoverrun, id));
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_RESTART};
    SYS(sigaction(SIGRTMIN + 2, &action, NULL));
    int gone = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    int tick = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 2, 1234);
    int hour = make(CLOCK_REALTIME, SIGEV_THREAD_ID, SIGUSR2, 5);
    int idle = make(CLOCK_BOOTTIME, SIGEV_NONE, 0, 0);
    int cpu = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR2, 6);
    arm(tick, 40, 40);
    arm(hour, 3600000, 1500);
    arm(cpu, 900000, 0);
    SYS(syscall(SYS_timer_delete, gone));
    int late = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN + 3, 7);
    int64_t interval = overrun(late, SIGRTMIN + 3);
    pthread_t thread;
    PT(pthread_create(&thread, NULL, of_thread, NULL));
    while (missed < 0) testee_sleep_ms(1);
    testee_ready();
    /* Not testee_wait: each tick would end its sigsuspend, and its mask would be seen now so, now so. */
    while (testee_go()) testee_sleep_ms(20);
    go_on = 1;
    PT(pthread_join(thread, NULL));
    CHECK(syscall(SYS_timer_getoverrun, late) == 5, "overrun %ld", syscall(SYS_timer_getoverrun, late));
    struct itimerspec left;
    SYS(syscall(SYS_timer_gettime, late, &left));
    int64_t rest = left.it_value.tv_sec * 1000000000 + left.it_value.tv_nsec;
    CHECK(rest > interval / 4 && rest <= interval / 2, "%ld ns left of %ld", (long)rest, (long)interval);
    sigset_t pending;
    SYS(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGRTMIN + 3), "a signal that was taken came again");
    struct itimerspec now;
    int before = ticks;
    SYS(syscall(SYS_timer_gettime, tick, &now));
    CHECK(now.it_interval.tv_nsec == 40000000, "the ticking one's interval is %ld", now.it_interval.tv_nsec);
    SYS(syscall(SYS_timer_gettime, hour, &now));
    CHECK(now.it_value.tv_sec > 3400 && now.it_value.tv_sec <= 3600 && now.it_interval.tv_sec == 1,
          "the hour has %ld s left", (long)now.it_value.tv_sec);
    SYS(syscall(SYS_timer_gettime, idle, &now));
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0, "the idle one runs");
    SYS(syscall(SYS_timer_gettime, cpu, &now));
    CHECK(now.it_value.tv_sec > 800 && now.it_value.tv_sec <= 900, "the CPU one has %ld s left",
          (long)now.it_value.tv_sec);
    CHECK(syscall(SYS_timer_gettime, gone, &now) < 0 && errno == EINVAL, "the deleted one is there");
    value = 0;
    testee_sleep_ms(400);
    CHECK(ticks - before >= 4 && value == 1234, "%d ticks, value %d", ticks - before, value);
    int next = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    CHECK(next != tick && next != hour && next != idle && next != cpu, "a new timer got the used id %d", next);
    testee_pass();
}
