/* A filter that allows what this program needs and nothing else; munmap, say, would be fatal. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##nr, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(read), ALLOW(write), ALLOW(openat), ALLOW(close), ALLOW(rt_sigprocmask), ALLOW(rt_sigreturn),
        ALLOW(rt_sigsuspend), ALLOW(getpid), ALLOW(exit_group), ALLOW(brk), ALLOW(faccessat),
        ALLOW(getrandom), ALLOW(clock_gettime), ALLOW(restart_syscall),
#ifdef SYS_rename
        ALLOW(rename), ALLOW(access),
#endif
        ALLOW(renameat), ALLOW(newfstatat),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog prog = {sizeof code / sizeof *code, code};
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
    testee_ready();
    testee_wait();
    CHECK(getpid() > 0, "getpid");
    testee_pass();
}
