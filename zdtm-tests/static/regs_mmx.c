/* All eight MMX registers while they are computed with. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    uint64_t start[8], end[8];
    for (int i = 0; i < 8; i++) start[i] = 0x0102030405060708ULL * (uint64_t)(i + 1);
    uint64_t one = 0x0101010101010101ULL, rounds = 0;
    testee_ready();
    while (testee_go()) {
        uint64_t count = 20000000;
        rounds += count;
        __asm__ volatile("movq (%1), %%mm0\n movq 8(%1), %%mm1\n movq 16(%1), %%mm2\n movq 24(%1), %%mm3\n"
                         "movq 32(%1), %%mm4\n movq 40(%1), %%mm5\n movq 48(%1), %%mm6\n movq 56(%1), %%mm7\n"
                         "1: paddb %3, %%mm0\n psubb %3, %%mm1\n paddb %3, %%mm2\n psubb %3, %%mm3\n"
                         "paddb %3, %%mm4\n psubb %3, %%mm5\n paddb %3, %%mm6\n psubb %3, %%mm7\n"
                         "dec %0\n jnz 1b\n"
                         "movq %%mm0, (%2)\n movq %%mm1, 8(%2)\n movq %%mm2, 16(%2)\n movq %%mm3, 24(%2)\n"
                         "movq %%mm4, 32(%2)\n movq %%mm5, 40(%2)\n movq %%mm6, 48(%2)\n movq %%mm7, 56(%2)\n"
                         "emms\n"
                         : "+r"(count)
                         : "r"(start), "r"(end), "m"(one)
                         : "memory", "mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7");
        for (int r = 0; r < 8; r++)
            for (int b = 0; b < 8; b++) {
                uint8_t was = (uint8_t)(start[r] >> b * 8), is = (uint8_t)(end[r] >> b * 8);
                uint8_t wanted = (uint8_t)(r % 2 ? was - 20000000 : was + 20000000);
                CHECK(is == wanted, "mm%d byte %d is %d, not %d", r, b, is, wanted);
            }
    }
    testee_pass();
}
