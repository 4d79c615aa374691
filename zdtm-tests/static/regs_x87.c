/* The x87 stack, its control word, and MXCSR are kept. */
#include "testee.h"

static volatile int stop;
static void on_term(int sig) {
    (void)sig;
    stop = 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
#ifdef __x86_64__
    struct sigaction action = {.sa_handler = on_term};
    SYS(sigaction(SIGTERM, &action, NULL));
    uint16_t cw_set = 0x0f7f & ~0x0300, cw_got = 0; /* round to zero, single precision */
    uint32_t csr_set = 0x1f80 | 0x6000 | 0x8000, csr_got = 0, csr_old = 0; /* truncate, flush to zero */
    int64_t values[5] = {1000001, -2, 3333333, -44444, 5}, got[5];
    testee_ready();
    testee_go();
    __asm__ volatile(
        "stmxcsr %[csr_old]\n\tldmxcsr %[csr_set]\n\t"
        "fninit\n\tfldcw %[cw_set]\n\t"
        "fildll 0(%[in])\n\tfildll 8(%[in])\n\tfildll 16(%[in])\n\tfildll 24(%[in])\n\tfildll 32(%[in])\n\t"
        "1: pause\n\tcmpl $0, (%[flag])\n\tje 1b\n\t"
        "fistpll 32(%[out])\n\tfistpll 24(%[out])\n\tfistpll 16(%[out])\n\tfistpll 8(%[out])\n\tfistpll 0(%[out])\n\t"
        "fnstcw %[cw_got]\n\tfninit\n\tstmxcsr %[csr_got]\n\tldmxcsr %[csr_old]\n\t"
        : [cw_got] "=m"(cw_got), [csr_got] "=m"(csr_got), [csr_old] "+m"(csr_old)
        : [cw_set] "m"(cw_set), [csr_set] "m"(csr_set), [in] "r"(values), [out] "r"(got), [flag] "r"(&stop)
        : "memory", "cc");
    for (int i = 0; i < 5; i++) CHECK(got[i] == values[i], "st(%d) held %ld, holds %ld", i, values[i], got[i]);
    CHECK(cw_got == cw_set, "control word %#x, not %#x", cw_got, cw_set);
    CHECK(csr_got == csr_set, "mxcsr %#x, not %#x", csr_got, csr_set);
    testee_pass();
#else
    testee_skip("written for x86-64");
#endif
}
