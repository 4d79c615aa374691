/* Every second page is written, in private and in shared memory: thousands of runs of one page. */
#include "testee.h"

enum { PAGES = 8192 };

static void check(const char *what, const char *m) {
    for (size_t i = 0; i < PAGES; i++) {
        if (i % 2) CHECK(m[i * PAGE] == (char)(i % 127 + 1), "%s page %zu differs", what, i);
        else CHECK(m[i * PAGE] == 0 && m[i * PAGE + PAGE - 1] == 0, "%s page %zu is not zero", what, i);
    }
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *own = SYS((char *)mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS(madvise(own, PAGES * PAGE, MADV_NOHUGEPAGE));
    char *shared = SYS((char *)mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    for (size_t i = 1; i < PAGES; i += 2) own[i * PAGE] = shared[i * PAGE] = (char)(i % 127 + 1);
    testee_ready();
    testee_wait();
    check("private", own);
    check("shared", shared);
    testee_pass();
}
