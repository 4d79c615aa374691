/* Tasks with one descriptor table (CLONE_FILES): with the parent, and among siblings only. */
#include <sched.h>
#include "testee.h"

static volatile int *s;

static pid_t sharer(int flags) { return SYS((pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0)); }

/* Opens on command 1, says the number, and goes on. */
_Noreturn static void opener(volatile int *mine) {
    signal(SIGTERM, SIG_DFL);
    while (!mine[0]) testee_sleep_ms(2);
    mine[1] = open("/dev/zero", O_RDONLY);
    mine[2] = 1;
    for (;;) pause();
}

/* Has a child with its own table, then leaves that table: the child shares it with nobody of ours. */
_Noreturn static void keeper(volatile int *mine) {
    signal(SIGTERM, SIG_DFL);
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) opener(mine);
    mine[4] = pid;
    while (!mine[2]) testee_sleep_ms(2);
    char byte = 1;
    mine[3] = read(mine[1], &byte, 1) == 1 && byte == 0 ? 1 : -1;
    for (;;) pause();
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *path = testee_path("locked");
    int file = SYS(open(path, O_RDWR | O_CREAT, 0600));
    SYS(unlink(path));
    pid_t with_us = sharer(CLONE_FILES);
    if (with_us == 0) opener(s);
    pid_t apart = sharer(0);
    if (apart == 0) keeper(s + 16);
    while (!s[16 + 4]) testee_sleep_ms(2);
    testee_ready();
    testee_wait();
    s[0] = s[16] = 1;
    testee_await(s + 2, "the child");
    char byte = 1;
    CHECK(read(s[1], &byte, 1) == 1 && byte == 0, "its descriptor is not ours");
    CHECK(s[1] == file + 1, "the child opened %d", s[1]);
    testee_await(s + 16 + 3, "the other pair");
    CHECK(s[16 + 3] == 1, "the other pair does not share");
    CHECK(s[16 + 1] == file + 1, "the other pair's descriptor is %d", s[16 + 1]);
    SYS(kill(s[16 + 4], SIGKILL));
    SYS(kill(with_us, SIGKILL));
    SYS(kill(apart, SIGKILL));
    int status;
    SYS(waitpid(with_us, &status, 0));
    SYS(waitpid(apart, &status, 0));
    testee_pass();
}
