/* Twenty filters in a row; a child adds one, its child another: each has those of its ancestors, and its own. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include "testee.h"

enum { COUNT = 20, FREE = 3000 }; /* numbers of calls that do not exist */
static volatile int *s;

static void deny(int nr, int error) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof code / sizeof *code, code};
    SYS(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog));
}

static int has(int count) { /* these filters, and no more */
    for (int i = 0; i < COUNT + 2; i++)
        if (syscall(FREE + i) != -1 || errno != (i < count ? 100 + i : ENOSYS)) return 0;
    return 1;
}

static int level(void *arg) {
    int n = (int)(long)arg, status = 0;
    deny(FREE + COUNT + n, 100 + COUNT + n);
    pid_t pid = n == 0 ? testee_child(level, (void *)1) : 0;
    __sync_fetch_and_add(s, 1);
    while (!s[1]) testee_sleep_ms(2);
    if (pid) waitpid(pid, &status, 0);
    return has(COUNT + n + 1) ? WEXITSTATUS(status) : n + 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    for (int i = 0; i < COUNT; i++) deny(FREE + i, 100 + i);
    CHECK(has(COUNT), "the filters do not filter");
    pid_t pid = testee_child(level, (void *)0);
    while (*s < 2) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    CHECK(has(COUNT), "the filters differ");
    s[1] = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the filters of level %d differ", WEXITSTATUS(status));
    testee_pass();
}
