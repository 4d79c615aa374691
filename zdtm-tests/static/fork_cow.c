/* Pages shared copy-on-write between parent and child stay private to each when written. */
#include "testee.h"

#define SIZE (2UL << 20)
static char *m;
static volatile int *go_on;

static int child(void *arg) {
    (void)arg;
    memset(m, 7, PAGE);
    go_on[1] = 1;
    while (!*go_on) testee_sleep_ms(3);
    if (m[5] != 7 || testee_differs(m + PAGE, SIZE - PAGE, 1) >= 0) return 1;
    memset(m, 9, SIZE);
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    memset(m, 3, PAGE);
    testee_fill(m + PAGE, SIZE - PAGE, 1);
    pid_t pid = testee_child(child, NULL);
    testee_await(&go_on[1], "the child");
    testee_ready();
    testee_wait();
    *go_on = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child sees other pages");
    CHECK(m[0] == 3 && testee_differs(m + PAGE, SIZE - PAGE, 1) < 0, "the child's writes are seen");
    testee_pass();
}
