/* Guard regions (MADV_GUARD_INSTALL): still fatal to touch, and gone once removed. */
#include "testee.h"
#include <setjmp.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#define SIZE (16 * PAGE)

static sigjmp_buf back;

static void fault(int signal) {
    (void)signal;
    siglongjmp(back, 1);
}

static int faults(volatile char *at) {
    if (sigsetjmp(back, 1)) return 1;
    (void)*at;
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    signal(SIGSEGV, fault);
    char *m = SYS((char *)mmap(NULL, SIZE + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) + PAGE;
    SYS(mprotect(m, SIZE, PROT_READ | PROT_WRITE)); /* no neighbour to merge with */
    char *s = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    testee_fill(m, SIZE, 1);
    testee_fill(s, SIZE, 2);
    if (madvise(m + 4 * PAGE, 2 * PAGE, MADV_GUARD_INSTALL)) testee_skip("this kernel has no guard regions");
    int shared = !madvise(s + 8 * PAGE, PAGE, MADV_GUARD_INSTALL);
    CHECK(faults(m + 5 * PAGE), "the guard does not work");
    testee_ready();
    testee_wait();
    for (unsigned i = 0; i < 16; i++) {
        CHECK(faults(m + i * PAGE) == (i == 4 || i == 5), "page %u %s", i, i == 4 || i == 5 ? "is no guard" : "is one");
        CHECK(faults(s + i * PAGE) == (shared && i == 8), "shared page %u %s", i, i == 8 ? "is no guard" : "is one");
    }
    CHECK(testee_differs(m, 4 * PAGE, 1) < 0 && testee_differs(s, 8 * PAGE, 2) < 0, "contents differ");
    SYS(madvise(m + 4 * PAGE, 2 * PAGE, MADV_GUARD_REMOVE));
    CHECK(!faults(m + 4 * PAGE) && m[4 * PAGE] == 0, "the removed guard is not zero");
    testee_pass();
}
