/* Pending signals, to the process and to the thread: values, senders and real-time order are kept. */
#include "testee.h"

static int take(sigset_t *set, siginfo_t *info) {
    struct timespec none = {0, 0};
    /* Raw: glibc turns SI_TKILL into SI_USER. */
    return (int)syscall(SYS_rt_sigtimedwait, set, info, &none, 8);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    for (int i = 0; i < 4; i++) sigaddset(&set, SIGRTMIN + i);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    SYS(kill(getpid(), SIGUSR1));                                       /* shared */
    SYS(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2));              /* private */
    for (int i = 0; i < 5; i++)                                         /* shared, queued in order */
        SYS(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 100 + i}));
    for (int i = 0; i < 3; i++)
        SYS(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_ptr = (void *)(0x123456789aUL + i)}));
    for (int i = 0; i < 3; i++) {                                       /* private, queued in order */
        siginfo_t info = {.si_code = SI_QUEUE};
        info.si_pid = getpid();
        info.si_value.sival_int = 200 + i;
        SYS(syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGRTMIN + 2, &info));
    }
    testee_ready();
    testee_wait();
    sigset_t pending;
    SYS(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGRTMIN + 3), "a signal that nobody sent");
    siginfo_t info;
    sigset_t one;
#define ONLY(sig) (sigemptyset(&one), sigaddset(&one, sig), &one)
    CHECK(take(ONLY(SIGUSR1), &info) == SIGUSR1 && info.si_code == SI_USER && info.si_pid == getpid(),
          "SIGUSR1: code %d pid %d", info.si_code, info.si_pid);
    CHECK(take(ONLY(SIGUSR2), &info) == SIGUSR2 && info.si_code == SI_TKILL && info.si_pid == getpid(),
          "SIGUSR2: code %d pid %d", info.si_code, info.si_pid);
    for (int i = 0; i < 3; i++)
        CHECK(take(ONLY(SIGRTMIN), &info) == SIGRTMIN && info.si_code == SI_QUEUE &&
                  info.si_value.sival_ptr == (void *)(0x123456789aUL + i),
              "SIGRTMIN %d: value %p", i, info.si_value.sival_ptr);
    for (int i = 0; i < 5; i++)
        CHECK(take(ONLY(SIGRTMIN + 1), &info) == SIGRTMIN + 1 && info.si_value.sival_int == 100 + i &&
                  info.si_uid == getuid(),
              "SIGRTMIN+1 %d: value %d", i, info.si_value.sival_int);
    for (int i = 0; i < 3; i++)
        CHECK(take(ONLY(SIGRTMIN + 2), &info) == SIGRTMIN + 2 && info.si_value.sival_int == 200 + i,
              "SIGRTMIN+2 %d: value %d", i, info.si_value.sival_int);
    CHECK(take(&set, &info) < 0 && errno == EAGAIN, "one signal too many: %d", info.si_signo);
    testee_pass();
}
