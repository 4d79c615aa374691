/* Contents behind PROT_NONE, PROT_WRITE alone and PROT_EXEC alone, and a stack that grows deeper afterwards. */
#include "testee.h"

#define SIZE (8 * PAGE)

static char *region(unsigned seed, int prot) {
    char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    testee_fill(m, SIZE, seed);
    SYS(mprotect(m, SIZE, prot));
    return m;
}

static __attribute__((noinline)) int deep(int n) {
    volatile char here[16 << 10];
    memset((void *)here, n, sizeof here);
    int below = n ? deep(n - 1) : 0;
    return below + (here[100] == (char)n ? 0 : 1);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *all[] = {region(1, PROT_NONE), region(2, PROT_WRITE), region(3, PROT_EXEC), region(4, PROT_READ)};
    CHECK(deep(4) == 0, "the stack differs");
    testee_ready();
    testee_wait();
    for (unsigned i = 0; i < 4; i++) {
        SYS(mprotect(all[i], SIZE, PROT_READ));
        CHECK(testee_differs(all[i], SIZE, i + 1) < 0, "region %u differs", i);
    }
    CHECK(deep(200) == 0, "the deeper stack differs");
    testee_pass();
}
