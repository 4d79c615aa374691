/*
 * Small settings of a task: loginuid, oom_score_adj, I/O priority, the time stamp counter that
 * faults in one thread only, transparent huge pages for those who ask only, membarrier, when
 * memory errors kill.
 */
#include <linux/membarrier.h>
#include <pthread.h>
#include <setjmp.h>
#include <sys/prctl.h>

#include "testee.h"

static char loginuid[16];
static sigjmp_buf faulted;
static pthread_barrier_t barrier;

static void on_fault(int sig) {
    (void)sig;
    siglongjmp(faulted, 1);
}

static int tsc_faults(void) {
    if (sigsetjmp(faulted, 1)) return 1;
    (void)__builtin_ia32_rdtsc();
    return 0;
}

/* What the kernel says; some hypervisors let the counter be read all the same. */
static int tsc_switch(void) {
    int value = 0;
    SYS(prctl(PR_GET_TSC, &value));
    return value;
}

static void *faulting(void *unused) {
    (void)unused;
    SYS(prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
    SYS(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0));
    int faults = tsc_faults();
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    CHECK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_EARLY, "memory errors kill another way: %d", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    return (void *)(intptr_t)(tsc_switch() == PR_TSC_SIGSEGV && tsc_faults() == faults);
}

static void read_loginuid(char *to) {
    int fd = SYS(open("/proc/self/loginuid", O_RDONLY));
    memset(to, 0, sizeof loginuid);
    SYS(read(fd, to, sizeof loginuid - 1));
    SYS(close(fd));
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_handler = on_fault};
    SYS(sigaction(SIGSEGV, &action, NULL));
    int fd = open("/proc/self/loginuid", O_WRONLY);
    if (fd >= 0) {
        if (write(fd, "4711", 4) < 0) { /* not ours to set: then it must stay what it is */
        }
        SYS(close(fd));
        read_loginuid(loginuid);
    }
    fd = SYS(open("/proc/self/oom_score_adj", O_WRONLY));
    SYS(write(fd, "321", 3));
    SYS(close(fd));
    SYS(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
    long thp = 0;
    if (!prctl(PR_SET_THP_DISABLE, 1, 2, 0, 0)) thp = 3; /* Linux 6.18 */
    SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    PT(pthread_barrier_init(&barrier, NULL, 2));
    SYS(prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, faulting, NULL));
    pthread_barrier_wait(&barrier);
    testee_ready();
    testee_wait();
    pthread_barrier_wait(&barrier);
    void *result;
    PT(pthread_join(thread, &result));
    CHECK(result, "the time stamp counter can be read in the thread");
    CHECK(tsc_switch() == PR_TSC_ENABLE && !tsc_faults(), "the time stamp counter cannot be read in the first thread");
    if (loginuid[0]) {
        char now[16];
        read_loginuid(now);
        CHECK(!strcmp(now, loginuid), "loginuid %s, not %s", now, loginuid);
    }
    CHECK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_LATE, "memory errors kill another way: %d", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
    char score[16] = "";
    fd = SYS(open("/proc/self/oom_score_adj", O_RDONLY));
    SYS(read(fd, score, sizeof score - 1));
    SYS(close(fd));
    CHECK(atoi(score) == 321, "oom_score_adj %s", score);
    CHECK(syscall(SYS_ioprio_get, 1, 0) == (2 << 13 | 6), "another I/O priority");
    CHECK(!thp || prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == thp, "THP: %d",
          prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
    SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    testee_pass();
}
