/* What waitid tells of zombies, and tells again after WNOWAIT: code, status, and the user that each had. */
#include "testee.h"

static int exits(void *status) {
    return (int)(long)status;
}
static int other_user(void *status) {
    if (geteuid() == 0 && setresuid(4321, 4321, 4321)) return 99;
    return (int)(long)status;
}
static int in_group(void *status) {
    setpgid(0, 0);
    return (int)(long)status;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t pids[] = {testee_child(exits, (void *)0), testee_child(exits, (void *)255), testee_child(other_user, (void *)7),
                    testee_child(in_group, (void *)8), testee_child(testee_idle, NULL), testee_child(testee_idle, NULL)};
    SYS(kill(pids[4], SIGKILL));
    SYS(kill(pids[5], SIGRTMIN + 3));
    siginfo_t before[6], now;
    for (int i = 0; i < 6; i++) {
        SYS(waitid(P_PID, pids[i], &before[i], WEXITED | WNOWAIT));
        while (testee_state(pids[i]) != 'Z') testee_sleep_ms(1);
    }
    CHECK(before[3].si_status == 8 && before[4].si_code == CLD_KILLED && before[5].si_status == SIGRTMIN + 3, "not the zombies that were to be");
    testee_ready();
    testee_wait();
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < 6; i++) {
            now = (siginfo_t){0};
            /* The last time by its group, which is its own, and taken. */
            int taken = round == 2 ? WEXITED : WEXITED | WNOWAIT;
            SYS(waitid(round == 2 && i == 3 ? P_PGID : P_PID, pids[i], &now, taken | WNOHANG));
            CHECK(now.si_pid == pids[i] && now.si_code == before[i].si_code && now.si_status == before[i].si_status,
                  "zombie %d: pid %d code %d status %d, not code %d status %d", i, now.si_pid, now.si_code, now.si_status, before[i].si_code, before[i].si_status);
            CHECK(now.si_uid == before[i].si_uid, "zombie %d was of user %d, is of %d", i, before[i].si_uid, now.si_uid);
        }
    CHECK(waitid(P_ALL, 0, &now, WEXITED | WNOHANG) < 0 && errno == ECHILD, "there are more children");
    testee_pass();
}
