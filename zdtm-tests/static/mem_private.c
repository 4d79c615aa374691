/* Private anonymous memory under several protections keeps its contents and protections. */
#include "testee.h"

#define SIZE (16UL << 20)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *rw = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, -1, 0));
    char *ro = SYS((char *)mmap(NULL, SIZE / 4, PROT_READ | PROT_WRITE, flags, -1, 0));
    char *none = SYS((char *)mmap(NULL, SIZE / 8, PROT_READ | PROT_WRITE, flags, -1, 0));
    testee_fill(rw, SIZE, 1);
    testee_fill(ro, SIZE / 4, 2);
    testee_fill(none, SIZE / 8, 3);
    SYS(mprotect(ro, SIZE / 4, PROT_READ));
    SYS(mprotect(none, SIZE / 8, PROT_NONE));
    testee_ready();
    testee_wait();
    ssize_t at = testee_differs(rw, SIZE, 1);
    CHECK(at < 0, "read-write memory differs at %zd", at);
    at = testee_differs(ro, SIZE / 4, 2);
    CHECK(at < 0, "read-only memory differs at %zd", at);
    SYS(mprotect(none, SIZE / 8, PROT_READ));
    at = testee_differs(none, SIZE / 8, 3);
    CHECK(at < 0, "memory that was PROT_NONE differs at %zd", at);
    testee_fill(rw, SIZE, 4);
    CHECK(testee_differs(rw, SIZE, 4) < 0, "memory does not keep what is written now");
    testee_pass();
}
