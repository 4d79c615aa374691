/* A filter that traps: a handler of SIGSYS answers the call, as a sandbox does, dumped inside it, too. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include "testee.h"

static volatile int traps, wrong;

static void on_sys(int sig, siginfo_t *info, void *context) {
    (void)sig;
    if (info->si_syscall != SYS_getppid || info->si_code != 1 /* SYS_SECCOMP */ || info->si_errno != 55) wrong++;
    if (!traps++) {
        testee_ready();
        while (testee_go()) testee_sleep_ms(2);
    }
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_sigaction = on_sys, .sa_flags = SA_SIGINFO};
    SYS(sigaction(SIGSYS, &action, NULL));
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP | 55),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof code / sizeof *code, code};
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
    for (int i = 1; i <= 3; i++) {
        long r = syscall(SYS_getppid);
        CHECK(r == 4711 && traps == i && !wrong, "call %d: %ld after %d traps, %d of them wrong", i, r, traps, wrong);
    }
    testee_pass();
}
