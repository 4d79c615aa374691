/* The working directories of a task and its child. */
#include "testee.h"

static volatile int *go_on;
static int child(void *arg) {
    if (chdir(arg)) return 1;
    go_on[1] = 1;
    while (!*go_on) testee_sleep_ms(2);
    char now[512];
    return !getcwd(now, sizeof now) || strcmp(now, arg) || access("inside", F_OK);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *mine = testee_path("dir"), *its, now[512];
    SYS(mkdir(mine, 0700));
    SYS(chdir(mine));
    SYS(asprintf(&its, "%s/its", mine));
    SYS(mkdir(its, 0700));
    char *inside;
    SYS(asprintf(&inside, "%s/inside", its));
    SYS(close(SYS(open(inside, O_CREAT | O_WRONLY, 0600))));
    pid_t pid = testee_child(child, its);
    testee_await(&go_on[1], "the child");
    testee_ready();
    testee_wait();
    SYS(getcwd(now, sizeof now));
    CHECK(!strcmp(now, mine), "cwd is %s", now);
    SYS(access("its/inside", F_OK));
    *go_on = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child's cwd differs");
    testee_pass();
}
