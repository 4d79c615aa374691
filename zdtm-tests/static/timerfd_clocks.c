/* timerfds of every clock, with interval and without, waking the machine, too; shared with a child. */
#include <sys/timerfd.h>
#include "testee.h"

static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};
static int far[5], soon[5];
static volatile int *go_on;

static int child(void *unused) {
    (void)unused;
    while (!*go_on) testee_sleep_ms(2);
    for (int i = 0; i < 5; i++) { /* the same timer: it stops for both */
        struct itimerspec none = {{0, 0}, {0, 0}};
        if (far[i] >= 0 && timerfd_settime(far[i], 0, &none, NULL)) return i + 1;
    }
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (int i = 0; i < 5; i++) {
        far[i] = timerfd_create(clocks[i], TFD_NONBLOCK);
        soon[i] = timerfd_create(clocks[i], TFD_CLOEXEC);
        if (far[i] < 0 || soon[i] < 0) { /* an alarm needs CAP_WAKE_ALARM and a clock that can wake the machine */
            CHECK(i >= 3, "clock %d: %s", i, strerror(errno));
            far[i] = soon[i] = -1;
            continue;
        }
        struct itimerspec hour = {{i, 1000 * i}, {3600 + i, 0}}, ticks = {{0, 30000000}, {0, 30000000}};
        SYS(timerfd_settime(far[i], 0, &hour, NULL));
        SYS(timerfd_settime(soon[i], 0, &ticks, NULL));
    }
    pid_t pid = testee_child(child, NULL);
    testee_ready();
    testee_wait();
    for (int i = 0; i < 5; i++) {
        if (far[i] < 0) continue;
        struct itimerspec now;
        uint64_t n;
        SYS(timerfd_gettime(far[i], &now));
        CHECK(now.it_value.tv_sec > 3000 && now.it_value.tv_sec <= 3600 + i && now.it_interval.tv_sec == i && now.it_interval.tv_nsec == 1000 * i,
              "clock %d: %ld s left, interval %ld.%09ld", i, now.it_value.tv_sec, now.it_interval.tv_sec, now.it_interval.tv_nsec);
        for (int k = 0; k < 3; k++) CHECK(read(soon[i], &n, 8) == 8 && n >= 1, "clock %d does not tick: %s", i, strerror(errno));
    }
    *go_on = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child ended with %#x", status);
    for (int i = 0; i < 3; i++) { /* of an alarm that was stopped the kernel goes on telling the time left */
        struct itimerspec now;
        SYS(timerfd_gettime(far[i], &now));
        CHECK(now.it_value.tv_sec == 0, "clock %d: not the child's timer any more", i);
    }
    testee_pass();
}
