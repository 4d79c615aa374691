/* A child that ends after the restore sends its parent SIGCHLD, once, with the right pid. */
#include "testee.h"

static volatile int count;
static volatile pid_t who;
static void on_child(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)context;
    count++;
    who = info->si_pid;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
    SYS(sigaction(SIGCHLD, &action, NULL));
    pid_t pid = testee_child(testee_idle, NULL);
    testee_ready();
    testee_wait();
    CHECK(count == 0, "SIGCHLD came %d times, the restore shows", count);
    testee_reap(pid, SIGTERM);
    CHECK(count == 1 && who == pid, "SIGCHLD came %d times, from %d", count, who);
    testee_pass();
}
