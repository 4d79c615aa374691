/* Timers of a thread that is not the first: they tell that thread, and measure its processor time. */
#include <pthread.h>
#include "testee.h"

static volatile int ready_, go_on, ticks, strays;
static volatile pid_t worker;
static void on_tick(int sig) {
    (void)sig;
    if (gettid() == worker) ticks++;
    else strays++;
}

static int make(clockid_t clock, int sig) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = sig};
    event._sigev_un._tid = gettid();
    int id;
    SYS(syscall(SYS_timer_create, clock, &event, &id));
    return id;
}

static void *run(void *unused) {
    (void)unused;
    clockid_t clock;
    worker = gettid();
    int tick = make(CLOCK_MONOTONIC, SIGUSR1), cpu = make(CLOCK_THREAD_CPUTIME_ID, SIGUSR2);
    PT(pthread_getcpuclockid(pthread_self(), &clock));
    int named = make(clock, SIGUSR2);
    struct itimerspec often = {{0, 20000000}, {0, 20000000}}, later = {{0, 0}, {3600, 0}}, rarely = {{0, 0}, {900, 0}}, now[4];
    SYS(syscall(SYS_timer_settime, tick, 0, &later, NULL));
    SYS(syscall(SYS_timer_settime, cpu, 0, &rarely, NULL));
    SYS(syscall(SYS_timer_settime, named, 0, &rarely, NULL));
    ready_ = 1;
    while (!go_on) testee_sleep_ms(5);
    int before = ticks;
    SYS(syscall(SYS_timer_settime, tick, 0, &often, NULL));
    testee_sleep_ms(300);
    CHECK(ticks - before >= 3 && strays == 0, "%d ticks here, %d elsewhere", ticks - before, strays);
    SYS(syscall(SYS_timer_gettime, cpu, &now[0]));
    SYS(syscall(SYS_timer_gettime, named, &now[1]));
    for (int64_t end = testee_now_ns(CLOCK_THREAD_CPUTIME_ID) + 50000000; testee_now_ns(CLOCK_THREAD_CPUTIME_ID) < end;)
        ;
    SYS(syscall(SYS_timer_gettime, cpu, &now[2]));
    SYS(syscall(SYS_timer_gettime, named, &now[3]));
    for (int i = 0; i < 2; i++) {
        long spent = (now[i].it_value.tv_sec - now[i + 2].it_value.tv_sec) * 1000000000L + now[i].it_value.tv_nsec -
                     now[i + 2].it_value.tv_nsec;
        CHECK(now[i].it_value.tv_sec > 800 && spent >= 50000000 && spent < 1000000000,
              "timer %d measures %ld ns while this thread used 50 ms", i, spent);
    }
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
    SYS(sigaction(SIGUSR1, &action, NULL));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    testee_await(&ready_, "the worker");
    testee_ready();
    testee_wait();
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_pass();
}
