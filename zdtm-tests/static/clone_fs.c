/* Tasks with one working directory, root and umask (CLONE_FS): with the parent, among siblings, and not. */
#include <sched.h>
#include "testee.h"

enum { WITH_US, FIRST, SECOND, APART, COUNT };
static volatile int *s;

static pid_t sharer(int flags, int i) {
    pid_t pid = SYS((pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
    if (pid) return pid;
    signal(SIGTERM, SIG_DFL);
    if (i == APART) SYS(chdir("/proc"));
    s[COUNT + i] = 1;
    while (!s[i]) testee_sleep_ms(2);
    if (i == WITH_US || i == FIRST) {
        SYS(chdir(i == FIRST ? "/dev" : "/sys"));
        umask(i == FIRST ? 011 : 044);
        s[i] = 2;
    } else {
        char now[4096];
        s[i] = getcwd(now, sizeof now) && !strcmp(now, i == SECOND ? "/dev" : "/proc") &&
                       umask(0) == (i == SECOND ? 011 : 022)
                   ? 2
                   : 3;
    }
    for (;;) pause();
}

static void go(int i) {
    s[i] = 1;
    while (s[i] == 1) testee_sleep_ms(2);
    CHECK(s[i] == 2, "task %d has another directory or umask", i);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SYS(chdir("/"));
    umask(022);
    pid_t pids[COUNT];
    pids[FIRST] = sharer(CLONE_FS, FIRST);
    pids[SECOND] = sharer(CLONE_FS, SECOND);
    SYS(unshare(CLONE_FS)); /* those two go on sharing */
    pids[APART] = sharer(0, APART);
    pids[WITH_US] = sharer(CLONE_FS, WITH_US);
    for (int i = 0; i < COUNT; i++)
        while (!s[COUNT + i]) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    go(FIRST);
    go(SECOND);
    go(APART);
    char now[4096];
    CHECK(getcwd(now, sizeof now) && !strcmp(now, "/"), "we are in %s", now);
    go(WITH_US);
    CHECK(getcwd(now, sizeof now) && !strcmp(now, "/sys"), "our child has moved us to %s", now);
    CHECK(umask(0) == 044, "our child's umask is not ours");
    for (int i = 0; i < COUNT; i++) {
        int status;
        SYS(kill(pids[i], SIGKILL));
        SYS(waitpid(pids[i], &status, 0));
    }
    testee_pass();
}
