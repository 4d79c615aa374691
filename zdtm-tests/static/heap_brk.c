/* The heap keeps its contents and its break, and sbrk goes on from there. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    free(testee_path("prime malloc, so that it leaves the break alone from here on"));
    char *low = SYS((char *)sbrk(8 << 20));
    testee_fill(low, 8 << 20, 1);
    char *top = sbrk(0);
    testee_ready();
    testee_wait();
    CHECK(sbrk(0) == top, "the break moved from %p to %p", (void *)top, sbrk(0));
    CHECK(testee_differs(low, 8 << 20, 1) < 0, "the heap differs");
    char *more = SYS((char *)sbrk(1 << 20));
    CHECK(more == top, "sbrk gave %p, not %p", (void *)more, (void *)top);
    testee_fill(more, 1 << 20, 2);
    SYS(sbrk(-(4 << 20)));
    CHECK((char *)sbrk(0) == top - (3 << 20), "the heap does not shrink");
    CHECK(testee_differs(low, 5 << 20, 1) < 0, "the rest of the heap changed");
    for (int i = 0; i < 1000; i++) free(malloc(1000 + i * 37));
    testee_pass();
}
