/* Two children that share a descriptor table which their parent has left (CLONE_FILES, unshare). */
#include <sched.h>
#include "testee.h"

static volatile int *s;

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t first = SYS((pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
    if (first == 0) {
        signal(SIGTERM, SIG_DFL);
        while (!s[0]) testee_sleep_ms(2);
        s[1] = open("/dev/zero", O_RDONLY);
        s[2] = 1;
        for (;;) pause();
    }
    pid_t second = SYS((pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
    if (second == 0) {
        signal(SIGTERM, SIG_DFL);
        while (!s[2]) testee_sleep_ms(2);
        char byte = 1;
        s[3] = read(s[1], &byte, 1) == 1 && byte == 0 ? 1 : -1;
        for (;;) pause();
    }
    SYS(unshare(CLONE_FILES));
    int own = SYS(open("/dev/null", O_WRONLY));
    testee_ready();
    testee_wait();
    s[0] = 1;
    testee_await(s + 3, "the children");
    CHECK(s[3] == 1, "the children do not share");
    CHECK(s[1] == own, "the children's descriptor is %d", s[1]);
    SYS(write(own, "x", 1));
    SYS(kill(first, SIGKILL));
    SYS(kill(second, SIGKILL));
    int status;
    SYS(waitpid(first, &status, 0));
    SYS(waitpid(second, &status, 0));
    testee_pass();
}
