/* SA_NOCLDWAIT and SIG_IGN: children that end leave no zombie; SA_NOCLDSTOP: a stop is no news. */
#include "testee.h"

static volatile int *s, chld;
static void on_chld(int sig) {
    (void)sig;
    chld++;
}

static int leaves_none(void *flags) {
    struct sigaction action = {.sa_handler = flags ? on_chld : SIG_IGN, .sa_flags = (int)(long)flags | SA_RESTART};
    sigaction(SIGCHLD, &action, NULL);
    pid_t pid = testee_child(testee_idle, NULL);
    __sync_fetch_and_add(s, 1);
    while (!s[1]) testee_sleep_ms(1);
    kill(pid, SIGKILL);
    return waitpid(pid, NULL, 0) < 0 && errno == ECHILD ? 0 : 1; /* waits for its end, and finds nothing */
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t ignores = testee_child(leaves_none, NULL), no_wait = testee_child(leaves_none, (void *)SA_NOCLDWAIT);
    pid_t stops = testee_child(testee_idle, NULL);
    while (*s < 2) testee_sleep_ms(1);
    struct sigaction action = {.sa_handler = on_chld, .sa_flags = SA_NOCLDSTOP | SA_RESTART};
    SYS(sigaction(SIGCHLD, &action, NULL));
    testee_ready();
    testee_wait();
    SYS(kill(stops, SIGSTOP));
    siginfo_t info;
    SYS(waitid(P_PID, stops, &info, WSTOPPED));
    SYS(kill(stops, SIGCONT));
    SYS(waitid(P_PID, stops, &info, WCONTINUED));
    CHECK(chld == 0, "%d SIGCHLD of a stop", chld);
    int status;
    s[1] = 1;
    SYS(waitpid(ignores, &status, 0));
    CHECK(status == 0, "the one that ignores it found a zombie: %#x", status);
    SYS(waitpid(no_wait, &status, 0));
    CHECK(status == 0, "the one with SA_NOCLDWAIT found a zombie: %#x", status);
    CHECK(chld >= 1, "no SIGCHLD of an end");
    testee_reap(stops, SIGTERM);
    testee_pass();
}
