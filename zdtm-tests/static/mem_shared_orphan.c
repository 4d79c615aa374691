/* Shared anonymous memory that a child wrote before it died, and that we never touched. */
#include "testee.h"

#define SIZE (1UL << 20)

static int writer(void *arg) {
    testee_fill(arg, SIZE, 77);
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t pid = testee_child(writer, m);
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the writer failed");
    testee_ready();
    testee_wait();
    ssize_t at = testee_differs(m, SIZE, 77);
    CHECK(at < 0, "what the dead child wrote differs at %zd", at);
    testee_pass();
}
