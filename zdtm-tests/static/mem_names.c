/* Names of anonymous mappings (PR_SET_VMA_ANON_NAME), private and shared; the harness compares them. */
#include "testee.h"
#include <sys/prctl.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif
#define SIZE (8 * PAGE)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *s = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, m, SIZE, "a name: of a heap")) testee_skip("this kernel has no names");
    int shared = !prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, s, SIZE, "shared");
    testee_fill(m, SIZE, 1);
    testee_fill(s, SIZE, 2);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(m, SIZE, 1) < 0, "contents differ");
    CHECK(testee_differs(s, SIZE, 2) < 0, "contents of the %s one differ", shared ? "named shared" : "shared");
    testee_pass();
}
