/* The x87 control word, MXCSR, and the flags register, direction flag and all, in a loop that calls nobody. */
#include "testee.h"

static volatile int stop;
static void on_alarm(int sig) {
    (void)sig;
    stop = 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    uint16_t fcw = 0x0c7f, fcw_now = 0; /* towards zero, 24 bits */
    uint32_t mxcsr = 0x7fa5, mxcsr_now = 0; /* towards zero, flush to zero is off, two sticky flags */
    uint64_t flags = 0;
    struct sigaction action = {.sa_handler = on_alarm};
    SYS(sigaction(SIGTERM, &action, NULL));
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    testee_ready();
    SYS(sigprocmask(SIG_UNBLOCK, &term, NULL));
    __asm__ volatile("fldcw %3\n ldmxcsr %4\n std\n stc\n"
                     "1: cmpl $0, %5\n stc\n je 1b\n"
                     "pushfq\n pop %2\n cld\n fnstcw %0\n stmxcsr %1\n"
                     : "=m"(fcw_now), "=m"(mxcsr_now), "=r"(flags)
                     : "m"(fcw), "m"(mxcsr), "m"(stop)
                     : "cc", "memory");
    uint16_t usual = 0x37f;
    uint32_t usual_mxcsr = 0x1f80;
    __asm__ volatile("fldcw %0\n ldmxcsr %1\n" : : "m"(usual), "m"(usual_mxcsr));
    CHECK(fcw_now == fcw, "the control word is 0x%x, not 0x%x", fcw_now, fcw);
    CHECK(mxcsr_now == mxcsr, "MXCSR is 0x%x, not 0x%x", mxcsr_now, mxcsr);
    CHECK(flags & 0x400, "the direction flag is clear");
    CHECK(flags & 1, "the carry flag is clear");
    testee_pass();
}
