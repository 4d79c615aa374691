/* A filter that leaves the decision to a listener, which is elsewhere. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgrp, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof code / sizeof *code, code};
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    int listener = SYS(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog));
    pid_t pid = SYS(fork());
    if (!pid) { /* the listener, outside the tree: a session of its own, and no parent in it */
        SYS(setsid());
        if (fork()) _exit(0);
        alarm(300);
        struct seccomp_notif call;
        struct seccomp_notif_resp answer;
        for (;;) {
            memset(&call, 0, sizeof call);
            memset(&answer, 0, sizeof answer);
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call)) _exit(1);
            answer.id = call.id;
            answer.val = 4711;
            if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer)) _exit(2);
        }
    }
    SYS(waitpid(pid, NULL, 0));
    SYS(close(listener));
    CHECK(syscall(SYS_getpgrp) == 4711, "nobody listens");
    testee_ready();
    testee_wait();
    CHECK(syscall(SYS_getpgrp) == 4711, "nobody listens any more");
    testee_pass();
}
