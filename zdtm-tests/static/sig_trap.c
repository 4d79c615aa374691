/* SIGTRAP, which a tracer lives on, is the program's: pending while blocked, ignored, and by int3 to a handler. */
#include <pthread.h>
#include "testee.h"

static volatile int set, go_on, traps;
static volatile int *s;

static void on_trap(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)context;
    if (info->si_code == SI_KERNEL) traps++;
}

/* One that was sent to the thread. */
static void *pending(void *arg) {
    sigset_t trap;
    sigemptyset(&trap);
    sigaddset(&trap, SIGTRAP);
    PT(pthread_sigmask(SIG_BLOCK, &trap, NULL));
    SYS(syscall(SYS_tgkill, getpid(), gettid(), SIGTRAP));
    set = 1;
    while (!go_on) testee_sleep_ms(2);
    siginfo_t info;
    struct timespec none = {0, 0};
    CHECK(syscall(SYS_rt_sigtimedwait, &trap, &info, &none, 8) == SIGTRAP, "it is not pending");
    CHECK(info.si_code == SI_TKILL && info.si_pid == getpid(), "pending: code %d of %d", info.si_code, info.si_pid);
    CHECK(syscall(SYS_rt_sigtimedwait, &trap, &info, &none, 8) < 0, "one more is pending: code %d", info.si_code);
    return arg;
}

static int ignores(void *unused) {
    (void)unused;
    signal(SIGTRAP, SIG_IGN);
    s[0] = 1;
    while (!s[1]) testee_sleep_ms(2);
    return raise(SIGTRAP); /* would kill it */
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    SYS(sigaction(SIGTRAP, &action, NULL));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, pending, NULL));
    testee_await(&set, "the thread");
    pid_t pid = testee_child(ignores, NULL);
    testee_await(s, "the child");
    testee_ready();
    testee_wait();
    CHECK(traps == 0, "%d traps of somebody else's", traps);
    asm volatile("int3");
    asm volatile("int3");
    CHECK(traps == 2, "%d traps, not 2", traps);
    go_on = 1;
    PT(pthread_join(thread, NULL));
    s[1] = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the one that ignores it: %#x", status);
    testee_pass();
}
