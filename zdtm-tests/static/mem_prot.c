/* Every combination of protections on neighbouring pages with contents, and what is not readable. What may be
   executed alone cannot be read where the processor has protection keys; before the dump as after it. */
#include <setjmp.h>
#include "testee.h"

static sigjmp_buf back;
static void on_fault(int sig) { siglongjmp(back, sig); }
static int may_write(volatile char *at) { return sigsetjmp(back, 1) ? 0 : (*at = *at, 1); }
static int may_read(volatile char *at) { return sigsetjmp(back, 1) ? 0 : ((void)*at, 1); }

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = SYS((char *)mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    testee_fill(m, 64 * PAGE, 33);
    for (int i = 0; i < 64; i++) SYS(mprotect(m + i * PAGE, PAGE, i % 8));
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};
    SYS(sigaction(SIGSEGV, &action, NULL));
    int executable = may_read(m + PROT_EXEC * PAGE);
    testee_ready();
    testee_wait();
    for (int i = 0; i < 64; i++) {
        int prot = i % 8;
        int readable = prot == PROT_EXEC ? executable : prot != PROT_NONE;
        CHECK(may_read(m + i * PAGE) == readable, "page %d with protection %d: reading", i, prot);
        CHECK(may_write(m + i * PAGE) == !!(prot & PROT_WRITE), "page %d with protection %d: writing", i, prot);
    }
    SYS(mprotect(m, 64 * PAGE, PROT_READ));
    CHECK(testee_differs(m, 64 * PAGE, 33) < 0, "contents differ");
    testee_pass();
}
