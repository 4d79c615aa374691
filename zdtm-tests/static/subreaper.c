/* A child subreaper still gets its orphaned grandchildren. */
#include <sys/prctl.h>
#include "testee.h"

static volatile pid_t *pids;
static int grandchild(void *arg) {
    pids[0] = getpid();
    return testee_idle(arg);
}
static int child(void *arg) {
    testee_child(grandchild, NULL);
    return testee_idle(arg);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pids = SYS((volatile pid_t *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t pid = testee_child(child, NULL);
    testee_await((volatile int *)pids, "the grandchild");
    testee_ready();
    testee_wait();
    int is = 0;
    SYS(prctl(PR_GET_CHILD_SUBREAPER, &is));
    CHECK(is == 1, "it is no longer a subreaper");
    testee_reap(pid, SIGTERM);
    SYS(kill(pids[0], SIGKILL));
    int status;
    CHECK(waitpid(pids[0], &status, 0) == pids[0], "the orphan did not come: %s", strerror(errno));
    testee_pass();
}
