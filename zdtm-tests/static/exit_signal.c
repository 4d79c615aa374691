/* Children cloned with other exit signals than SIGCHLD: the one they have is sent, and wait tells them
 * apart (__WCLONE); also those that are zombies already. */
#include <sched.h>
#include "testee.h"

static volatile int usr1, rt, chld;
static void on_signal(int sig) {
    if (sig == SIGUSR1) usr1++;
    if (sig == SIGRTMIN + 3) rt++;
    if (sig == SIGCHLD) chld++;
}

static pid_t make(int exit_signal, int code) {
    pid_t pid = SYS(syscall(SYS_clone, exit_signal, NULL, NULL, NULL, 0));
    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (code >= 0) _exit(code);
        for (;;) pause();
    }
    return pid;
}

static void reap(pid_t pid, int options, int expected, const char *who) {
    int status = 0;
    if (options) CHECK(waitpid(pid, &status, WNOHANG) < 0 && errno == ECHILD, "%s: a plain wait sees it", who);
    CHECK(waitpid(pid, &status, options) == pid, "%s: %s", who, strerror(errno));
    CHECK(status == expected, "%s: status %#x", who, status);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int signals[] = {SIGUSR1, SIGRTMIN + 3, SIGCHLD};
    for (int i = 0; i < 3; i++) SYS(sigaction(signals[i], &action, NULL));
    pid_t silent = make(0, -1), usr = make(SIGUSR1, -1), real = make(SIGRTMIN + 3, -1), plain = make(SIGCHLD, -1);
    pid_t dead[] = {make(0, 5), make(SIGUSR1, 6), make(SIGRTMIN + 3, 7), make(SIGRTMIN + 3, 8), make(SIGCHLD, 9)};
    for (int i = 0; i < 5; i++)
        while (testee_state(dead[i]) != 'Z') testee_sleep_ms(1);
    testee_sleep_ms(50);
    CHECK(usr1 == 1 && rt == 2 && chld == 1, "signals before: %d %d %d", usr1, rt, chld);
    testee_ready();
    testee_wait();
    testee_sleep_ms(20);
    CHECK(usr1 == 1 && rt == 2 && chld == 1, "signals came meanwhile: %d %d %d", usr1, rt, chld);
    for (int i = 0; i < 4; i++) reap(dead[i], __WCLONE, (5 + i) << 8, "a zombie");
    reap(dead[4], 0, 9 << 8, "a plain zombie");
    pid_t alive[] = {silent, usr, real, plain};
    for (int i = 0; i < 4; i++) {
        SYS(kill(alive[i], SIGTERM));
        reap(alive[i], i < 3 ? __WCLONE : 0, SIGTERM, "one that lived");
    }
    testee_sleep_ms(20);
    CHECK(usr1 == 2 && rt == 3 && chld == 2, "signals after: %d %d %d", usr1, rt, chld);
    testee_pass();
}
