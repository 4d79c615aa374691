/* Handlers, their flags and masks, ignored signals and the blocked mask are kept and work. */
#include "testee.h"

#define SA_RESTORER 0x04000000

static volatile int plain, value, blocked_inside, resets;
static void on_plain(int sig) {
    plain += sig;
}
static void on_info(int sig, siginfo_t *info, void *context) {
    (void)context;
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    blocked_inside = sigismember(&now, SIGUSR1) && sigismember(&now, SIGRTMIN + 5);
    value = sig == SIGUSR2 ? info->si_value.sival_int : -1;
}
static void on_reset(int sig) {
    (void)sig;
    resets++;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_handler = on_plain, .sa_flags = SA_RESTART}, now;
    SYS(sigaction(SIGUSR1, &action, NULL));
    struct sigaction info = {.sa_sigaction = on_info, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaddset(&info.sa_mask, SIGUSR1);
    sigaddset(&info.sa_mask, SIGRTMIN + 5);
    SYS(sigaction(SIGUSR2, &info, NULL));
    struct sigaction reset = {.sa_handler = on_reset, .sa_flags = SA_RESETHAND};
    SYS(sigaction(SIGWINCH, &reset, NULL));
    signal(SIGHUP, SIG_IGN);
    sigset_t blocked, mask;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGQUIT);
    sigaddset(&blocked, SIGRTMAX);
    sigaddset(&blocked, SIGTERM);
    SYS(sigprocmask(SIG_SETMASK, &blocked, NULL));
    testee_ready();
    testee_wait();
    SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
    for (int sig = 1; sig <= 64; sig++)
        CHECK(sigismember(&mask, sig) == sigismember(&blocked, sig), "signal %d in the mask", sig);
    SYS(sigaction(SIGUSR1, NULL, &now));
    CHECK(now.sa_handler == on_plain && (now.sa_flags & ~SA_RESTORER) == SA_RESTART, "SIGUSR1: flags %#x", now.sa_flags);
    SYS(sigaction(SIGUSR2, NULL, &now));
    CHECK(now.sa_sigaction == on_info && (now.sa_flags & ~SA_RESTORER) == (SA_SIGINFO | SA_NODEFER) &&
              sigismember(&now.sa_mask, SIGRTMIN + 5) == 1 && sigismember(&now.sa_mask, SIGINT) == 0,
          "SIGUSR2: flags %#x", now.sa_flags);
    SYS(sigaction(SIGHUP, NULL, &now));
    CHECK(now.sa_handler == SIG_IGN, "SIGHUP is no longer ignored");
    SYS(sigaction(SIGINT, NULL, &now));
    CHECK(now.sa_handler == SIG_DFL, "SIGINT is no longer default");
    raise(SIGUSR1);
    raise(SIGHUP);
    raise(SIGWINCH);
    raise(SIGWINCH); /* default by now: ignored */
    SYS(sigqueue(getpid(), SIGUSR2, (union sigval){.sival_int = 4711}));
    CHECK(plain == SIGUSR1 && value == 4711 && blocked_inside && resets == 1,
          "handlers saw %d %d %d %d", plain, value, blocked_inside, resets);
    testee_pass();
}
