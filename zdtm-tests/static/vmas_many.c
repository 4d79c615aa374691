/* 2,000 mappings, each its own by alternating protections and holes. */
#include "testee.h"

#define COUNT 2000

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *base = SYS((char *)mmap(NULL, 2 * COUNT * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS(munmap(base, 2 * COUNT * PAGE));
    for (int i = 0; i < COUNT; i++) {
        char *at = SYS((char *)mmap(base + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
        if (i % 5) testee_fill(at, PAGE, i);
        if (i % 2) SYS(mprotect(at, PAGE, PROT_READ));
    }
    testee_ready();
    testee_wait();
    for (int i = 0; i < COUNT; i++) {
        char *at = base + 2 * i * PAGE;
        if (i % 5)
            CHECK(testee_differs(at, PAGE, i) < 0, "mapping %d differs", i);
        else
            CHECK(at[17] == 0, "untouched mapping %d is not zero", i);
        CHECK(msync(at + PAGE, PAGE, MS_ASYNC) < 0 && errno == ENOMEM, "hole %d is mapped", i);
    }
    testee_pass();
}
