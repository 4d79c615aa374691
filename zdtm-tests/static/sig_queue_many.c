/* Six hundred queued real-time signals on four numbers: none lost, none twice, in order. */
#include "testee.h"

enum { EACH = 150 };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    sigset_t set;
    sigemptyset(&set);
    for (int s = 0; s < 4; s++) sigaddset(&set, SIGRTMIN + 3 + s);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    for (int i = 0; i < EACH; i++)
        for (int s = 0; s < 4; s++) SYS(sigqueue(getpid(), SIGRTMIN + 3 + s, (union sigval){.sival_int = i * 4 + s}));
    testee_ready();
    testee_wait();
    struct timespec none = {0, 0};
    siginfo_t info;
    for (int s = 0; s < 4; s++)
        for (int i = 0; i < EACH; i++) {
            CHECK(sigtimedwait(&set, &info, &none) == SIGRTMIN + 3 + s, "signal %d of number %d is missing", i, s);
            CHECK(info.si_value.sival_int == i * 4 + s, "value %d instead of %d", info.si_value.sival_int, i * 4 + s);
        }
    CHECK(sigtimedwait(&set, &info, &none) < 0 && errno == EAGAIN, "one too many");
    testee_pass();
}
