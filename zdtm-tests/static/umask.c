/* The umask of a task and of its child. */
#include "testee.h"

static volatile int *go_on;
static int child(void *arg) {
    (void)arg;
    umask(0123);
    go_on[1] = 1;
    while (!*go_on) testee_sleep_ms(2);
    return umask(0) != 0123;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    umask(0345);
    pid_t pid = testee_child(child, NULL);
    testee_await(&go_on[1], "the child");
    testee_ready();
    testee_wait();
    *go_on = 1;
    int status, mask = umask(0);
    CHECK(mask == 0345, "umask %#o", mask);
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child's umask differs");
    testee_pass();
}
