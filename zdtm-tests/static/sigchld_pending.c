/* SIGCHLD blocked and pending, with what it tells, beside zombies; and one that was taken, which must not come again. */
#include "testee.h"

static int exits(void *status) {
    return (int)(long)status;
}

static volatile int *s;
/* Took its SIGCHLD before, and has the zombie still: none may come of the restore. */
static int took(void *unused) {
    (void)unused;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    testee_child(exits, (void *)9);
    CHECK(sigwaitinfo(&set, NULL) == SIGCHLD, "no SIGCHLD");
    s[0] = 1;
    while (!s[1]) testee_sleep_ms(1);
    sigset_t pending;
    SYS(sigpending(&pending));
    return sigismember(&pending, SIGCHLD);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t other = testee_child(took, NULL);
    testee_await(s, "the other one");
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    pid_t first = testee_child(exits, (void *)5);
    while (testee_state(first) != 'Z') testee_sleep_ms(1);
    /* A second does not queue behind the first: what is pending tells of the first. */
    pid_t second = testee_child(exits, (void *)6);
    while (testee_state(second) != 'Z') testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    struct timespec none = {0, 0};
    siginfo_t info;
    CHECK(sigtimedwait(&set, &info, &none) == SIGCHLD, "it is not pending");
    CHECK(info.si_pid == first && info.si_code == CLD_EXITED && info.si_status == 5 && info.si_uid == getuid(),
          "pid %d code %d status %d, not of %d", info.si_pid, info.si_code, info.si_status, first);
    CHECK(sigtimedwait(&set, &info, &none) < 0 && errno == EAGAIN, "one more, of %d", info.si_pid);
    int status;
    CHECK(waitpid(first, &status, WNOHANG) == first && waitpid(second, &status, WNOHANG) == second, "the zombies are gone");
    s[1] = 1;
    SYS(waitpid(other, &status, 0));
    CHECK(status == 0, "a SIGCHLD that was taken came again: %#x", status);
    testee_pass();
}
