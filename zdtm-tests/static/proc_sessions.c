/* Sessions and groups below us: leaders, members, a member whose group leader is not its parent. */
#include "testee.h"

static int leader_of_session(void *unused) {
    (void)unused;
    testee_listen();
    SYS(setsid());
    pid_t grandchild = testee_child(testee_idle, NULL);
    pid_t mate = testee_child(testee_idle, NULL);
    SYS(setpgid(grandchild, grandchild));
    SYS(setpgid(mate, grandchild));
    testee_wait();
    int good = getsid(0) == getpid() && getpgrp() == getpid() && getsid(grandchild) == getpid() &&
               getpgid(grandchild) == grandchild && getpgid(mate) == grandchild && getsid(mate) == getpid();
    testee_reap(mate, SIGTERM);
    testee_reap(grandchild, SIGTERM);
    return good ? 0 : 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t session = testee_child(leader_of_session, NULL);
    pid_t group = testee_child(testee_idle, NULL), member = testee_child(testee_idle, NULL);
    SYS(setpgid(group, 0));
    SYS(setpgid(member, group));
    testee_sleep_ms(200);
    testee_ready();
    testee_wait();
    CHECK(getpgid(group) == group && getpgid(member) == group, "groups %d %d", getpgid(group), getpgid(member));
    CHECK(getsid(group) == getpid() && getsid(session) == session, "sessions %d %d", getsid(group), getsid(session));
    SYS(kill(-group, SIGTERM));
    int status;
    for (int i = 0; i < 2; i++) {
        SYS(waitpid(-group, &status, 0));
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "a member ended with 0x%x", status);
    }
    testee_reap(session, 0);
    testee_pass();
}
