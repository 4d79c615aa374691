/* Four thousand queued real-time signals of the process, two thousand of its thread: none lost, none twice, in order. */
#include <pthread.h>
#include "testee.h"

enum { KINDS = 4, EACH = 1000, OWN = 2000 };

static void arrived(int number, int count) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    struct timespec none = {0, 0};
    siginfo_t info;
    for (int i = 0; i < count; i++) {
        CHECK(sigtimedwait(&set, &info, &none) == number, "signal %d of number %d is missing", i, number);
        CHECK(info.si_value.sival_int == i * 64 + number, "signal %d of number %d has the value %d", i, number, info.si_value.sival_int);
    }
    CHECK(sigtimedwait(&set, &info, &none) < 0 && errno == EAGAIN, "one too many of number %d", number);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int first = SIGRTMIN + 3, own = first + KINDS;
    sigset_t set;
    sigemptyset(&set);
    for (int number = first; number <= own; number++) sigaddset(&set, number);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < EACH; i++)
        for (int number = first; number < own; number++)
            SYS(sigqueue(getpid(), number, (union sigval){.sival_int = i * 64 + number}));
    for (int i = 0; i < OWN; i++) PT(pthread_sigqueue(pthread_self(), own, (union sigval){.sival_int = i * 64 + own}));
    testee_ready();
    testee_wait();
    for (int number = first; number < own; number++) arrived(number, EACH);
    arrived(own, OWN);
    testee_pass();
}
