/* /dev/zero mapped privately and shared with a child. */
#include "testee.h"

static char *shared;
static int child(void *unused) {
    (void)unused;
    testee_listen();
    testee_wait();
    shared[1] = 'c';
    return shared[0] == 'p' ? 0 : 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int fd = SYS(open("/dev/zero", O_RDWR));
    char *own = SYS((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    shared = SYS((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    SYS(close(fd));
    testee_fill(own, 2 * PAGE, 36);
    testee_fill(shared + PAGE, 2 * PAGE, 37);
    pid_t pid = testee_child(child, NULL);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(own, 2 * PAGE, 36) < 0 && own[3 * PAGE] == 0, "the private one differs");
    CHECK(testee_differs(shared + PAGE, 2 * PAGE, 37) < 0 && shared[3 * PAGE] == 0, "the shared one differs");
    shared[0] = 'p';
    testee_reap(pid, 0);
    CHECK(shared[1] == 'c', "the child has another object");
    testee_pass();
}
