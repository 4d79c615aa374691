/* The thirty-two AVX-512 registers hold values in a spin loop that makes no call. */
#include "testee.h"

#define BYTES 64
#define COUNT 32

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
        "vmovdqu64 0(%[in]), %%zmm0\n\t"
        "vmovdqu64 64(%[in]), %%zmm1\n\t"
        "vmovdqu64 128(%[in]), %%zmm2\n\t"
        "vmovdqu64 192(%[in]), %%zmm3\n\t"
        "vmovdqu64 256(%[in]), %%zmm4\n\t"
        "vmovdqu64 320(%[in]), %%zmm5\n\t"
        "vmovdqu64 384(%[in]), %%zmm6\n\t"
        "vmovdqu64 448(%[in]), %%zmm7\n\t"
        "vmovdqu64 512(%[in]), %%zmm8\n\t"
        "vmovdqu64 576(%[in]), %%zmm9\n\t"
        "vmovdqu64 640(%[in]), %%zmm10\n\t"
        "vmovdqu64 704(%[in]), %%zmm11\n\t"
        "vmovdqu64 768(%[in]), %%zmm12\n\t"
        "vmovdqu64 832(%[in]), %%zmm13\n\t"
        "vmovdqu64 896(%[in]), %%zmm14\n\t"
        "vmovdqu64 960(%[in]), %%zmm15\n\t"
        "vmovdqu64 1024(%[in]), %%zmm16\n\t"
        "vmovdqu64 1088(%[in]), %%zmm17\n\t"
        "vmovdqu64 1152(%[in]), %%zmm18\n\t"
        "vmovdqu64 1216(%[in]), %%zmm19\n\t"
        "vmovdqu64 1280(%[in]), %%zmm20\n\t"
        "vmovdqu64 1344(%[in]), %%zmm21\n\t"
        "vmovdqu64 1408(%[in]), %%zmm22\n\t"
        "vmovdqu64 1472(%[in]), %%zmm23\n\t"
        "vmovdqu64 1536(%[in]), %%zmm24\n\t"
        "vmovdqu64 1600(%[in]), %%zmm25\n\t"
        "vmovdqu64 1664(%[in]), %%zmm26\n\t"
        "vmovdqu64 1728(%[in]), %%zmm27\n\t"
        "vmovdqu64 1792(%[in]), %%zmm28\n\t"
        "vmovdqu64 1856(%[in]), %%zmm29\n\t"
        "vmovdqu64 1920(%[in]), %%zmm30\n\t"
        "vmovdqu64 1984(%[in]), %%zmm31\n\t"
        "1: pause\n\tcmpl $0, (%[flag])\n\tje 1b\n\t"
        "vmovdqu64 %%zmm0, 0(%[out])\n\t"
        "vmovdqu64 %%zmm1, 64(%[out])\n\t"
        "vmovdqu64 %%zmm2, 128(%[out])\n\t"
        "vmovdqu64 %%zmm3, 192(%[out])\n\t"
        "vmovdqu64 %%zmm4, 256(%[out])\n\t"
        "vmovdqu64 %%zmm5, 320(%[out])\n\t"
        "vmovdqu64 %%zmm6, 384(%[out])\n\t"
        "vmovdqu64 %%zmm7, 448(%[out])\n\t"
        "vmovdqu64 %%zmm8, 512(%[out])\n\t"
        "vmovdqu64 %%zmm9, 576(%[out])\n\t"
        "vmovdqu64 %%zmm10, 640(%[out])\n\t"
        "vmovdqu64 %%zmm11, 704(%[out])\n\t"
        "vmovdqu64 %%zmm12, 768(%[out])\n\t"
        "vmovdqu64 %%zmm13, 832(%[out])\n\t"
        "vmovdqu64 %%zmm14, 896(%[out])\n\t"
        "vmovdqu64 %%zmm15, 960(%[out])\n\t"
        "vmovdqu64 %%zmm16, 1024(%[out])\n\t"
        "vmovdqu64 %%zmm17, 1088(%[out])\n\t"
        "vmovdqu64 %%zmm18, 1152(%[out])\n\t"
        "vmovdqu64 %%zmm19, 1216(%[out])\n\t"
        "vmovdqu64 %%zmm20, 1280(%[out])\n\t"
        "vmovdqu64 %%zmm21, 1344(%[out])\n\t"
        "vmovdqu64 %%zmm22, 1408(%[out])\n\t"
        "vmovdqu64 %%zmm23, 1472(%[out])\n\t"
        "vmovdqu64 %%zmm24, 1536(%[out])\n\t"
        "vmovdqu64 %%zmm25, 1600(%[out])\n\t"
        "vmovdqu64 %%zmm26, 1664(%[out])\n\t"
        "vmovdqu64 %%zmm27, 1728(%[out])\n\t"
        "vmovdqu64 %%zmm28, 1792(%[out])\n\t"
        "vmovdqu64 %%zmm29, 1856(%[out])\n\t"
        "vmovdqu64 %%zmm30, 1920(%[out])\n\t"
        "vmovdqu64 %%zmm31, 1984(%[out])\n\t"
        :
        : [in] "r"(in), [out] "r"(out), [flag] "r"(&stop)
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
    for (int i = 0; i < COUNT; i++)
        CHECK(!memcmp(in[i], out[i], BYTES), "register zmm%d differs", i);
    testee_pass();
#else
    testee_skip("written for x86-64");
#endif
}
