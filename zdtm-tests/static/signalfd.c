/* signalfd keeps its mask and gives out what was pending and what comes. */
#include <sys/signalfd.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 1);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    int fd = SYS(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    SYS(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 31}));
    testee_ready();
    testee_wait();
    struct signalfd_siginfo info;
    CHECK(read(fd, &info, sizeof info) == sizeof info && (int)info.ssi_signo == SIGRTMIN + 1 && info.ssi_int == 31,
          "the pending one: %u value %d", info.ssi_signo, info.ssi_int);
    CHECK(read(fd, &info, sizeof info) < 0 && errno == EAGAIN, "one signal too many");
    raise(SIGUSR1);
    CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1, "SIGUSR1 does not come");
    testee_pass();
}
