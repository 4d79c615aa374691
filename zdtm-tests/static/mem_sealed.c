/* mseal(2): a sealed mapping keeps its contents and cannot be changed. */
#include "testee.h"

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#define SIZE (4 * PAGE)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    testee_fill(m, SIZE, 1);
    SYS(mprotect(m, SIZE, PROT_READ));
    if (syscall(SYS_mseal, m, SIZE, 0)) testee_skip("this kernel has no mseal");
    testee_ready();
    testee_wait();
    CHECK(testee_differs(m, SIZE, 1) < 0, "contents differ");
    CHECK(mprotect(m, SIZE, PROT_READ | PROT_WRITE) && errno == EPERM, "it can be protected otherwise");
    CHECK(munmap(m, SIZE) && errno == EPERM, "it can be unmapped");
    testee_pass();
}
