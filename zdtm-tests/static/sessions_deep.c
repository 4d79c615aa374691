/* Sessions in sessions, seven deep, each with a second group; the innermost tells what it is. */
#include "testee.h"

enum { DEPTH = 7 };
static volatile struct {
    pid_t pid, sid, group;
} *s;
static volatile int *go_on;

static int level(void *arg) {
    int n = (int)(long)arg;
    SYS(setsid());
    pid_t other = testee_child(testee_idle, NULL);
    SYS(setpgid(other, other));
    pid_t next = n + 1 < DEPTH ? testee_child(level, (void *)(long)(n + 1)) : 0;
    s[n].sid = getsid(0);
    s[n].group = other;
    s[n].pid = getpid();
    while (!*go_on) testee_sleep_ms(3);
    int bad = getsid(0) != getpid() || getpgrp() != getpid() || getsid(other) != getpid() || getpgid(other) != other || s[n].pid != getpid();
    int status = 0;
    if (next) SYS(waitpid(next, &status, 0));
    SYS(kill(other, SIGTERM));
    SYS(waitpid(other, NULL, 0));
    return bad ? n + 1 : WEXITSTATUS(status);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((__typeof__(s))mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    go_on = (volatile int *)(s + DEPTH);
    pid_t first = testee_child(level, NULL);
    for (int i = 0; i < DEPTH; i++) testee_await((volatile int *)&s[i].pid, "a session");
    testee_ready();
    testee_wait();
    *go_on = 1;
    int status;
    SYS(waitpid(first, &status, 0));
    CHECK(status == 0, "level %d differs", WEXITSTATUS(status));
    testee_pass();
}
