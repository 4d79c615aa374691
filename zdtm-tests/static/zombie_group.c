/* A zombie that leads the group which two living children are in; the group outlives it. */
#include "testee.h"

static volatile pid_t *s;

static int leads_group(void *unused) {
    (void)unused;
    SYS(setpgid(0, 0));
    s[0] = 1;
    while (!s[1]) testee_sleep_ms(1);
    return 3;
}

static int member(void *unused) {
    SYS(setpgid(0, s[2]));
    s[3] = getpid();
    return testee_idle(unused);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile pid_t *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t leader = testee_child(leads_group, NULL);
    testee_await(s, "the leader");
    s[2] = leader;
    pid_t first = testee_child(member, NULL);
    testee_await(s + 3, "a member");
    s[3] = 0;
    pid_t second = testee_child(member, NULL);
    testee_await(s + 3, "the other member");
    s[1] = 1;
    while (testee_state(leader) != 'Z') testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    CHECK(getpgid(leader) == leader && getpgid(first) == leader && getpgid(second) == leader, "the groups are %d %d %d", getpgid(leader),
          getpgid(first), getpgid(second));
    int status;
    CHECK(waitpid(-leader, &status, WNOHANG) == leader && WEXITSTATUS(status) == 3, "the leader's status is %#x", status);
    SYS(kill(-leader, SIGUSR1)); /* the group is there without it */
    for (int i = 0; i < 2; i++) {
        pid_t got = SYS(waitpid(-leader, &status, 0));
        CHECK((got == first || got == second) && WTERMSIG(status) == SIGUSR1, "%d ended with %#x", got, status);
    }
    testee_pass();
}
