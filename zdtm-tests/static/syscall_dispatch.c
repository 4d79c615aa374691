/* A thread whose system calls come back to it as SIGSYS (PR_SET_SYSCALL_USER_DISPATCH), as emulators have it. */
#include <pthread.h>
#include <sys/prctl.h>
#include "testee.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
enum { ALLOW, BLOCK };

static volatile char selector;
static volatile int set, go_on, dispatched;

static void on_sys(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)context;
    selector = ALLOW;
    if (info->si_code == 2 /* SYS_USER_DISPATCH */ && info->si_syscall == SYS_getppid) dispatched++;
}

static void *run(void *unused) {
    (void)unused;
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector)) {
        set = -1;
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        selector = BLOCK;
        if (i) for (set = 1; !go_on;) {} /* no call: it would be dispatched */
        syscall(SYS_getppid);
    }
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    SYS(sigaction(SIGSYS, &action, NULL));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    testee_await(&set, "the thread");
    if (set < 0) testee_skip("this kernel has no dispatch");
    testee_ready();
    testee_wait();
    go_on = 1;
    PT(pthread_join(thread, NULL));
    CHECK(dispatched == 2, "%d calls of 2 were dispatched", dispatched);
    testee_pass();
}
