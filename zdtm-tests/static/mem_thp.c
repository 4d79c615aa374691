/* Huge pages that the kernel makes by itself: contents, and the advice on both sides of a border. */
#include "testee.h"

#define HUGE (2UL << 20)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = SYS((char *)mmap(NULL, 9 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    m = (char *)(((uintptr_t)m + HUGE - 1) & ~(HUGE - 1));
    SYS(madvise(m, 4 * HUGE, MADV_HUGEPAGE));
    SYS(madvise(m + 4 * HUGE, 4 * HUGE, MADV_NOHUGEPAGE));
    testee_fill(m, 3 * HUGE + 5 * PAGE, 38);
    testee_fill(m + 5 * HUGE, HUGE, 39);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(m, 3 * HUGE + 5 * PAGE, 38) < 0, "the huge part differs");
    CHECK(testee_differs(m + 5 * HUGE, HUGE, 39) < 0, "the small part differs");
    for (size_t at = 3 * HUGE + 5 * PAGE; at < 5 * HUGE; at += PAGE) CHECK(m[at] == 0, "not zero at %zu", at);
    testee_pass();
}
