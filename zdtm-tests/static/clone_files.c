/* Two processes with one descriptor table and one file-system context (CLONE_FILES, CLONE_FS). */
#include <sched.h>
#include "testee.h"

static volatile int *s;

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t pid = SYS((pid_t)syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        while (!s[0]) testee_sleep_ms(2);
        s[1] = open("/dev/zero", O_RDONLY);
        umask(0246);
        s[2] = 1;
        for (;;) pause();
    }
    testee_ready();
    testee_wait();
    s[0] = 1;
    testee_await(&s[2], "the child");
    char byte = 1;
    CHECK(read(s[1], &byte, 1) == 1 && byte == 0, "its descriptor is not ours");
    CHECK(umask(0) == 0246, "its umask is not ours");
    SYS(kill(pid, SIGKILL));
    int status;
    SYS(waitpid(pid, &status, 0));
    testee_pass();
}
