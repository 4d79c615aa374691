/* timerfds set to a date: CLOCK_REALTIME fires at its date, however long the pause; flags are kept. */
#include <sys/timerfd.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int date = SYS(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    int passed = SYS(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    int boot = SYS(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK));
    int mono = SYS(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec value = {{0, 0}, {0, 0}}, now;
    int64_t at = testee_now_ns(CLOCK_REALTIME) / 1000000000 + 3000;
    value.it_value.tv_sec = at;
    SYS(timerfd_settime(date, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &value, NULL));
    value.it_value.tv_sec = testee_now_ns(CLOCK_BOOTTIME) / 1000000000 + 3000;
    int64_t boot_at = value.it_value.tv_sec;
    SYS(timerfd_settime(boot, TFD_TIMER_ABSTIME, &value, NULL));
    value.it_value.tv_sec = testee_now_ns(CLOCK_MONOTONIC) / 1000000000 + 3000;
    SYS(timerfd_settime(mono, TFD_TIMER_ABSTIME, &value, NULL));
    int64_t soon = testee_now_ns(CLOCK_REALTIME) + 400000000;
    value.it_value = (struct timespec){soon / 1000000000, soon % 1000000000};
    SYS(timerfd_settime(passed, TFD_TIMER_ABSTIME, &value, NULL));
    testee_ready();
    testee_wait();
    SYS(timerfd_gettime(date, &now));
    int64_t fires = testee_now_ns(CLOCK_REALTIME) + now.it_value.tv_sec * 1000000000 + now.it_value.tv_nsec;
    CHECK(llabs(fires - at * 1000000000) < 20000000, "it fires %ld ns late", (long)(fires - at * 1000000000));
    SYS(timerfd_gettime(boot, &now));
    fires = testee_now_ns(CLOCK_BOOTTIME) + now.it_value.tv_sec * 1000000000 + now.it_value.tv_nsec;
    CHECK(llabs(fires - boot_at * 1000000000) < 20000000, "boot: it fires %ld ns late", (long)(fires - boot_at * 1000000000));
    SYS(timerfd_gettime(mono, &now));
    CHECK(now.it_value.tv_sec > 2900 && now.it_value.tv_sec <= 3000, "mono: %ld s left", (long)now.it_value.tv_sec);
    uint64_t n = 0;
    int64_t left = soon + 5000000 - testee_now_ns(CLOCK_REALTIME);
    if (left > 0) testee_sleep_ms(left / 1000000 + 1);
    CHECK(read(passed, &n, 8) == 8 && n == 1, "the one that is due: %lu, %s", n, strerror(errno));
    char path[64], line[128];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", date);
    FILE *f = fopen(path, "re");
    int found = 0;
    while (fgets(line, sizeof line, f)) found |= !strcmp(line, "settime flags: 03\n");
    CHECK(found, "the settime flags are lost");
    testee_pass();
}
