/* Whole blocks of 2 MiB change places: mremap moves page tables then, and no page is written or marked. */
#include "testee.h"

enum { BLOCKS = 6 };
#define BLOCK (2UL << 20)

static uint64_t state = 0x2545f4914f6cdd1dULL;

static uint64_t next(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static void move(char *from, char *to) { SYS(mremap(from, BLOCK, BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, to)); }

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    char *space = SYS(mmap(NULL, (BLOCKS + 2) * BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    char *base = (char *)(((uintptr_t)space + BLOCK - 1) & -BLOCK), *spare = base + BLOCKS * BLOCK;
    uint64_t seed[BLOCKS];
    SYS(mmap(base, BLOCKS * BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SYS(madvise(base, BLOCKS * BLOCK, MADV_NOHUGEPAGE));
    for (int i = 0; i < BLOCKS; i++) testee_fill(base + i * BLOCK, BLOCK, seed[i] = next() | 1);
    int ready = 0, go;
    do {
        go = ready ? testee_go() : 1;
        int a = (int)(next() % BLOCKS), b = (int)(next() % BLOCKS);
        if (a != b) {
            uint64_t of_a = seed[a];
            move(base + a * BLOCK, spare);
            move(base + b * BLOCK, base + a * BLOCK);
            move(spare, base + b * BLOCK);
            seed[a] = seed[b], seed[b] = of_a;
        }
        if (!ready) testee_ready(), ready = 1;
        testee_sleep_ms(20);
    } while (go);
    for (int i = 0; i < BLOCKS; i++) {
        ssize_t wrong = testee_differs(base + i * BLOCK, BLOCK, seed[i]);
        CHECK(wrong < 0, "block %d differs at %zd", i, wrong);
    }
    testee_pass();
}
