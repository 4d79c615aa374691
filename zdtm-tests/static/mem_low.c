/* Mappings at the lowest address that the kernel allows, and near the top. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *low = mmap((void *)0x10000, 2 * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (low != (char *)0x10000) testee_skip("nothing can be mapped at 0x10000: %s", strerror(errno));
    char *top = SYS((char *)mmap((void *)0x7ffffffee000, 2 * PAGE, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    testee_fill(low, 2 * PAGE, 34);
    testee_fill(top, 2 * PAGE, 35);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(low, 2 * PAGE, 34) < 0, "the low one differs");
    CHECK(testee_differs(top, 2 * PAGE, 35) < 0, "the high one differs");
    testee_pass();
}
