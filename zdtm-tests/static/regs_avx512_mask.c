/* The eight AVX-512 mask registers hold values in a spin loop that makes no call. */
#include "testee.h"

#define BYTES 2
#define COUNT 8

static volatile int stop;
static void on_term(int sig) {
    (void)sig;
    stop = 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
#ifdef __x86_64__
    if (!__builtin_cpu_supports("avx512f")) testee_skip("the processor has no avx512f");
    struct sigaction action = {.sa_handler = on_term};
    SYS(sigaction(SIGTERM, &action, NULL));
    static unsigned char in[COUNT][BYTES], out[COUNT][BYTES];
    testee_fill(in, sizeof in, 1);
    testee_ready();
    testee_go();
    __asm__ volatile(
        "kmovw 0(%[in]), %%k0\n\t"
        "kmovw 2(%[in]), %%k1\n\t"
        "kmovw 4(%[in]), %%k2\n\t"
        "kmovw 6(%[in]), %%k3\n\t"
        "kmovw 8(%[in]), %%k4\n\t"
        "kmovw 10(%[in]), %%k5\n\t"
        "kmovw 12(%[in]), %%k6\n\t"
        "kmovw 14(%[in]), %%k7\n\t"
        "1: pause\n\tcmpl $0, (%[flag])\n\tje 1b\n\t"
        "kmovw %%k0, 0(%[out])\n\t"
        "kmovw %%k1, 2(%[out])\n\t"
        "kmovw %%k2, 4(%[out])\n\t"
        "kmovw %%k3, 6(%[out])\n\t"
        "kmovw %%k4, 8(%[out])\n\t"
        "kmovw %%k5, 10(%[out])\n\t"
        "kmovw %%k6, 12(%[out])\n\t"
        "kmovw %%k7, 14(%[out])\n\t"
        :
        : [in] "r"(in), [out] "r"(out), [flag] "r"(&stop)
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "memory", "cc");
    for (int i = 0; i < COUNT; i++)
        CHECK(!memcmp(in[i], out[i], BYTES), "register k%d differs", i);
    testee_pass();
#else
    testee_skip("written for x86-64");
#endif
}
