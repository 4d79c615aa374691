/* A terabyte that is reserved and touched here and there. */
#include "testee.h"

#define SIZE (1UL << 40)
enum { TOUCHED = 200 };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    SYS(madvise(m, SIZE, MADV_NOHUGEPAGE));
    for (size_t i = 0; i < TOUCHED; i++) testee_fill(m + i * (SIZE / TOUCHED) / PAGE * PAGE, PAGE, i + 1);
    testee_ready();
    testee_wait();
    for (size_t i = 0; i < TOUCHED; i++) {
        char *at = m + i * (SIZE / TOUCHED) / PAGE * PAGE;
        CHECK(testee_differs(at, PAGE, i + 1) < 0, "page %zu differs", i);
        if (i + 1 < TOUCHED) CHECK(at[PAGE] == 0 && at[PAGE * 100] == 0, "not zero behind page %zu", i);
    }
    testee_pass();
}
