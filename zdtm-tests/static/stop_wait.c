/* Stopped children stay stopped, and wait reports a stop or a continuation once: not at all if it was
 * collected before the dump, still if it was not. No SIGCHLD comes of it. */
#include <pthread.h>
#include "testee.h"

static volatile int chld;
static void on_chld(int sig) {
    (void)sig;
    chld++;
}

static void *idle_thread(void *unused) {
    testee_idle(unused);
    return NULL;
}

static int threaded(void *unused) {
    pthread_t thread;
    for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, idle_thread, NULL);
    return testee_idle(unused);
}

/* What waitid tells without taking it: {code, status}. */
static void look(pid_t pid, int *code, int *status) {
    siginfo_t info = {0};
    SYS(waitid(P_PID, pid, &info, WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT));
    *code = info.si_pid == pid ? info.si_code : 0;
    *status = info.si_pid == pid ? info.si_status : 0;
}

static void expect(pid_t pid, const char *who, int wanted_code, int wanted_status) {
    int code, status;
    look(pid, &code, &status);
    CHECK(code == wanted_code && status == wanted_status, "%s: waitid says code %d status %d, not %d %d", who, code,
          status, wanted_code, wanted_status);
}

static void await_state(pid_t pid, char state) {
    while (testee_state(pid) != state) testee_sleep_ms(1);
}

static void collect(pid_t pid, int options) {
    siginfo_t info = {0};
    SYS(waitid(P_PID, pid, &info, options));
    CHECK(info.si_pid == pid, "nothing to collect");
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_handler = on_chld, .sa_flags = SA_RESTART};
    SYS(sigaction(SIGCHLD, &action, NULL));
    pid_t fresh = testee_child(testee_idle, NULL), told = testee_child(testee_idle, NULL);
    pid_t tstp = testee_child(testee_idle, NULL), many = testee_child(threaded, NULL);
    pid_t again = testee_child(testee_idle, NULL), again_told = testee_child(testee_idle, NULL);
    pid_t runs = testee_child(testee_idle, NULL);
    testee_sleep_ms(50);
    SYS(setpgid(tstp, tstp)); /* a group with its parent in the session: a stop from the keyboard is possible */
    pid_t all[] = {fresh, told, tstp, many, again, again_told};
    int with[] = {SIGSTOP, SIGSTOP, SIGTSTP, SIGSTOP, SIGSTOP, SIGSTOP};
    for (int i = 0; i < 6; i++) {
        SYS(kill(all[i], with[i]));
        await_state(all[i], 'T');
    }
    collect(told, WSTOPPED);
    collect(many, WSTOPPED);
    SYS(kill(again, SIGCONT));
    SYS(kill(again_told, SIGCONT));
    await_state(again, 'S');
    await_state(again_told, 'S');
    collect(again_told, WCONTINUED);
    testee_sleep_ms(50);
    int before = chld;
    testee_ready();
    testee_wait();
    testee_sleep_ms(20);
    CHECK(chld == before, "%d SIGCHLD came meanwhile", chld - before);
    char states[] = "TTTTSSS";
    pid_t seven[] = {fresh, told, tstp, many, again, again_told, runs};
    for (int i = 0; i < 7; i++) CHECK(testee_state(seven[i]) == states[i], "child %d is in state %c", i, testee_state(seven[i]));
    for (int round = 0; round < 2; round++) {
        expect(fresh, "stopped", CLD_STOPPED, SIGSTOP);
        expect(told, "stopped and told", 0, 0);
        expect(tstp, "stopped by SIGTSTP", CLD_STOPPED, SIGTSTP);
        expect(many, "with threads", 0, 0);
        expect(again, "continued", CLD_CONTINUED, SIGCONT);
        expect(again_told, "continued and told", 0, 0);
        expect(runs, "never stopped", 0, 0);
    }
    collect(fresh, WSTOPPED);
    collect(tstp, WSTOPPED);
    expect(fresh, "stopped, collected now", 0, 0);
    SYS(kill(fresh, SIGCONT));
    collect(fresh, WCONTINUED);
    SYS(kill(many, SIGCONT));
    collect(many, WCONTINUED);
    await_state(many, 'S');
    SYS(kill(told, SIGCONT));
    SYS(kill(tstp, SIGCONT));
    for (int i = 0; i < 7; i++) testee_reap(seven[i], SIGTERM);
    testee_pass();
}
