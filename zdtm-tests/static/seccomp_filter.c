/* Two seccomp filters, one above the other: each still gives its own error; other calls work. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include "testee.h"

static void deny(int nr, int error) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof code / sizeof *code, code};
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

static void check(void) {
    CHECK(syscall(SYS_getppid) < 0 && errno == 77, "getppid: %s", strerror(errno));
    CHECK(syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == 78, "ptrace: %s", strerror(errno));
    CHECK(prctl(PR_GET_SECCOMP) == SECCOMP_MODE_FILTER, "seccomp mode %d", prctl(PR_GET_SECCOMP));
    CHECK(getpid() == syscall(SYS_gettid), "other calls do not work");
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    deny(SYS_getppid, 77);
    deny(SYS_ptrace, 78);
    check();
    testee_ready();
    testee_wait();
    check();
    int status;
    pid_t pid = SYS(fork());
    if (!pid) _exit(syscall(SYS_getppid) < 0 && errno == 77 ? 0 : 1);
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "a child is not filtered");
    testee_pass();
}
