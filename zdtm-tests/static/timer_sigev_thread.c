/* A timer that makes threads (SIGEV_THREAD): glibc's helper thread goes on making them. */
#include <pthread.h>
#include "testee.h"

static volatile int ticks, other;
static pid_t first;

static void on_tick(union sigval value) {
    if (value.sival_int == 42) __sync_fetch_and_add(&ticks, 1);
    if (gettid() == first) other = 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    first = gettid();
    struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_value.sival_int = 42, .sigev_notify_function = on_tick};
    timer_t timer;
    SYS(timer_create(CLOCK_MONOTONIC, &event, &timer));
    struct itimerspec spec = {{0, 50000000}, {0, 50000000}};
    SYS(timer_settime(timer, 0, &spec, NULL));
    testee_await(&ticks, "the first tick");
    char *changing = testee_path("changing"); /* threads come and go */
    SYS(close(SYS(open(changing, O_WRONLY | O_CREAT, 0600))));
    testee_ready();
    testee_wait();
    int before = ticks;
    for (int i = 0; ticks < before + 4; i++) {
        CHECK(i < 5000, "%d ticks in a while", ticks - before);
        testee_sleep_ms(2);
    }
    SYS(timer_delete(timer));
    CHECK(!other, "it ran in the first thread");
    testee_pass();
}
