/* A process group whose leader has died and been reaped, with two members left. */
#include "testee.h"

static int member(void *arg) {
    pid_t group = (pid_t)(long)arg;
    setpgid(0, group);
    return testee_idle(NULL);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t leader = testee_child(testee_idle, NULL);
    SYS(setpgid(leader, leader));
    pid_t a = testee_child(member, (void *)(long)leader), b = testee_child(member, (void *)(long)leader);
    for (int i = 0; getpgid(a) != leader || getpgid(b) != leader; i++) {
        CHECK(i < 5000, "the group does not form");
        testee_sleep_ms(1);
    }
    testee_reap(leader, SIGTERM);
    testee_ready();
    testee_wait();
    CHECK(getpgid(a) == leader && getpgid(b) == leader, "groups %d and %d, not %d", getpgid(a), getpgid(b), leader);
    SYS(kill(-leader, SIGKILL));
    int status;
    CHECK(waitpid(a, &status, 0) == a && waitpid(b, &status, 0) == b && WTERMSIG(status) == SIGKILL,
          "the group was not killed");
    testee_pass();
}
