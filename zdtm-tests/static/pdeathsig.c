/* A parent-death signal set before is sent when the parent dies after. */
#include <sys/prctl.h>
#include "testee.h"

static volatile pid_t *pids;
static volatile int *told;

static void on_usr1(int sig) {
    *told = sig;
    _exit(0);
}

static int grandchild(void *arg) {
    signal(SIGUSR1, on_usr1);
    prctl(PR_SET_PDEATHSIG, SIGUSR1);
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
    told = (volatile int *)pids + 8;
    pid_t pid = testee_child(child, NULL);
    testee_await((volatile int *)pids, "the grandchild");
    testee_ready();
    testee_wait();
    int sig = -1;
    SYS(prctl(PR_GET_PDEATHSIG, &sig));
    CHECK(*told == 0 && sig == 0, "a signal came early");
    testee_reap(pid, SIGTERM);
    for (int i = 0; !*told; i++) {
        if (i > 5000) {
            kill(pids[0], SIGKILL);
            testee_fail("no signal came");
        }
        testee_sleep_ms(1);
    }
    CHECK(*told == SIGUSR1, "signal %d came", *told);
    testee_pass();
}
