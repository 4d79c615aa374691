/* eventfd: a counter, a semaphore, a non-blocking empty one, one shared with a child. */
#include <sys/eventfd.h>
#include "testee.h"

static int shared;
static int child(void *arg) {
    (void)arg;
    uint64_t n;
    return read(shared, &n, 8) == 8 && n == 9 ? 0 : 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int counter = SYS(eventfd(12345678, EFD_CLOEXEC)), semaphore = SYS(eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK));
    int empty = SYS(eventfd(0, EFD_NONBLOCK));
    shared = SYS(eventfd(0, 0));
    pid_t pid = testee_child(child, NULL);
    testee_ready();
    testee_wait();
    uint64_t n;
    CHECK(read(counter, &n, 8) == 8 && n == 12345678, "the counter says %lu", n);
    for (int i = 0; i < 3; i++) CHECK(read(semaphore, &n, 8) == 8 && n == 1, "the semaphore says %lu", n);
    CHECK(read(semaphore, &n, 8) < 0 && errno == EAGAIN, "the semaphore has more than three");
    CHECK(read(empty, &n, 8) < 0 && errno == EAGAIN, "the empty one has something");
    n = 9;
    SYS(write(shared, &n, 8));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child did not get it");
    testee_pass();
}
