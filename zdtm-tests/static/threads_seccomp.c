/* Threads with seccomp filters of their own above one that all have (tsync). */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include "testee.h"

enum { COUNT = 4 };
static volatile int set, go_on, all_have_it;

static void deny(int nr, int error, unsigned flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof code / sizeof *code, code};
    SYS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog));
}

static void check(int i) {
    CHECK(syscall(SYS_getppid) < 0 && errno == 70, "thread %d: getppid: %s", i, strerror(errno));
    long r = syscall(SYS_getuid);
    if (i == 1) CHECK(r < 0 && errno == 71, "thread 1: getuid: %ld", r);
    else CHECK(r >= 0, "thread %d: getuid: %s", i, strerror(errno));
    r = syscall(SYS_getgid);
    if (i == 1 || i == 2) CHECK(r < 0 && errno == 71 + i, "thread %d: getgid: %ld", i, r);
    else CHECK(r >= 0, "thread %d: getgid: %s", i, strerror(errno));
}

static void *run(void *arg) {
    int i = (int)(long)arg;
    while (!all_have_it) testee_sleep_ms(1);
    if (i == 1) deny(SYS_getuid, 71, 0);
    if (i == 1 || i == 2) deny(SYS_getgid, 71 + i, SECCOMP_FILTER_FLAG_LOG);
    check(i);
    __sync_fetch_and_add(&set, 1);
    while (!go_on) testee_sleep_ms(5);
    check(i);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[COUNT];
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    for (int i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)(long)i));
    deny(SYS_getppid, 70, SECCOMP_FILTER_FLAG_TSYNC);
    all_have_it = 1;
    while (set < COUNT) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    check(0);
    go_on = 1;
    for (int i = 0; i < COUNT; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
