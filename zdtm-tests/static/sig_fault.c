/* Dumped inside the handler of a page fault, which then makes the page writable and goes back to the write. */
#include <signal.h>
#include "testee.h"

static char *m;
static volatile int faults, wrong;

static void on_segv(int sig, siginfo_t *info, void *context) {
    (void)sig;
    ucontext_t *where = context;
    if (!faults++) {
        testee_ready();
        while (testee_go()) testee_sleep_ms(2);
    }
    char *page = m + (faults - 1) * PAGE;
    if (info->si_addr != page + 17 || info->si_code != SEGV_ACCERR || !(where->uc_mcontext.gregs[REG_ERR] & 2) ||
        where->uc_mcontext.gregs[REG_CR2] != (greg_t)(page + 17))
        wrong++;
    mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    m = SYS((char *)mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    SYS(sigaction(SIGSEGV, &action, NULL));
    for (int i = 0; i < 3; i++) *(volatile char *)(m + i * PAGE + 17) = (char)(i + 1);
    CHECK(faults == 3 && wrong == 0, "%d faults, %d of them wrong", faults, wrong);
    for (int i = 0; i < 3; i++) CHECK(m[i * PAGE + 17] == i + 1, "page %d has %d", i, m[i * PAGE + 17]);
    testee_pass();
}
