/* timerfd: one ticking, one far away and absolute, one disarmed, one with expirations to read. */
#include <sys/timerfd.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int tick = SYS(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    int far = SYS(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
    int idle = SYS(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK));
    int fired = SYS(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
    struct itimerspec ticking = {{0, 30000000}, {0, 30000000}}, once = {{0, 0}, {0, 1000000}}, now;
    struct itimerspec absolute = {{60, 0}, {testee_now_ns(CLOCK_REALTIME) / 1000000000 + 5000, 0}};
    SYS(timerfd_settime(tick, 0, &ticking, NULL));
    SYS(timerfd_settime(far, TFD_TIMER_ABSTIME, &absolute, NULL));
    SYS(timerfd_settime(fired, 0, &once, NULL));
    testee_sleep_ms(10);
    testee_ready();
    testee_wait();
    uint64_t n;
    int64_t begin = testee_now_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 5; i++) CHECK(read(tick, &n, 8) == 8 && n >= 1, "the ticking one: %s", strerror(errno));
    int64_t took = testee_now_ns(CLOCK_MONOTONIC) - begin;
    CHECK(took > 80000000 && took < 2000000000, "five ticks took %ld ns", took);
    SYS(timerfd_gettime(far, &now));
    CHECK(now.it_value.tv_sec > 4800 && now.it_value.tv_sec <= 5000 && now.it_interval.tv_sec == 60,
          "the far one has %ld s left", (long)now.it_value.tv_sec);
    CHECK(read(far, &n, 8) < 0 && errno == EAGAIN, "the far one fired");
    SYS(timerfd_gettime(idle, &now));
    CHECK(now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0, "the idle one runs");
    CHECK(read(fired, &n, 8) == 8 && n == 1, "the fired one has %lu expirations", n);
    testee_pass();
}
