/* pause and sigsuspend across the dump return only for a signal; sigtimedwait takes one. */
#include <pthread.h>
#include "testee.h"

static volatile int taken, sent;
static void on_usr1(int sig) {
    taken = sig;
}

static void *pauser(void *arg) {
    int n = pause();
    CHECK(sent && taken == SIGUSR1 && n == -1 && errno == EINTR, "pause returned with no signal");
    return arg;
}

static void *taker(void *arg) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 3);
    siginfo_t info;
    int n;
    while ((n = sigwaitinfo(&set, &info)) < 0) CHECK(errno == EINTR, "sigwaitinfo: %s", strerror(errno));
    CHECK(n == SIGRTMIN + 3 && info.si_value.sival_int == 99, "sigwaitinfo took %d", n);
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    signal(SIGUSR1, on_usr1);
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGRTMIN + 3);
    SYS(sigprocmask(SIG_BLOCK, &block, NULL));
    pthread_t a, b;
    PT(pthread_create(&a, NULL, pauser, NULL));
    PT(pthread_create(&b, NULL, taker, NULL));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    sent = 1;
    SYS(sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 99}));
    PT(pthread_kill(a, SIGUSR1));
    PT(pthread_join(a, NULL));
    PT(pthread_join(b, NULL));
    testee_pass();
}
