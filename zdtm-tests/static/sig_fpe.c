/* Floating point exceptions that are let through: SSE and x87 divisions by zero go to the handler, per thread. */
#include <fenv.h>
#include <pthread.h>
#include <setjmp.h>
#include "testee.h"

static volatile int set, go_on, code;
static __thread sigjmp_buf back;
static void on_fpe(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)context;
    code = info->si_code;
    siglongjmp(back, 1);
}

static int divides(int x87) {
    volatile double zero = 0, result = 0;
    volatile long double long_zero = 0, long_result = 0;
    code = 0;
    if (sigsetjmp(back, 1) == 0) {
        if (x87) {
            long_result = 1 / long_zero;
            long_result = long_result + 1; /* x87 tells at the next instruction */
        } else result = 1 / zero;
    }
    (void)result;
    return code;
}

static void *quiet(void *arg) {
    set = 1;
    while (!go_on) testee_sleep_ms(2);
    CHECK(divides(0) == 0 && divides(1) == 0, "a thread that masks them got one");
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
    SYS(sigaction(SIGFPE, &action, NULL));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, quiet, NULL));
    testee_await(&set, "the thread");
    SYS(feenableexcept(FE_DIVBYZERO));
    fesetround(FE_TOWARDZERO);
    testee_ready();
    testee_wait();
    CHECK(fegetexcept() == FE_DIVBYZERO && fegetround() == FE_TOWARDZERO, "exceptions %#x, rounding %#x", fegetexcept(), fegetround());
    CHECK(divides(0) == FPE_FLTDIV, "SSE: code %d", code);
    feenableexcept(FE_DIVBYZERO);
    CHECK(divides(1) == FPE_FLTDIV, "x87: code %d", code);
    fedisableexcept(FE_ALL_EXCEPT);
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_pass();
}
