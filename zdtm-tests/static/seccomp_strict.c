/* Strict seccomp in a child: it answers over pipes, and is killed for any other call. */
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include "testee.h"

static int to[2], from[2];
static int child(void *arg) {
    (void)arg;
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) return 9;
    char byte = '!';
    for (;;) {
        syscall(SYS_write, from[1], &byte, 1);
        syscall(SYS_read, to[0], &byte, 1);
        if (byte == 'q') syscall(SYS_getpid);
        byte++;
    }
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(pipe(to));
    SYS(pipe(from));
    pid_t pid = testee_child(child, NULL);
    char byte;
    SYS(read(from[0], &byte, 1));
    testee_ready();
    testee_wait();
    SYS(write(to[1], "a", 1));
    SYS(read(from[0], &byte, 1));
    CHECK(byte == 'b', "it answers %c", byte);
    SYS(write(to[1], "q", 1));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "it ended with %#x", status);
    testee_pass();
}
