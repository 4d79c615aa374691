/* Mappings come, go, move and change all the time; no byte is ever wrong. */
#include "testee.h"

enum { SLOTS = 64 };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    struct { char *at; size_t pages; uint64_t seed; } slot[SLOTS] = {0};
    uint64_t random = 88172645463325252ULL, rounds = 0;
    int ready = 0, go;
    do {
        go = ready ? testee_go() : 1;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        int i = (int)(random % SLOTS);
        size_t pages = 1 + (random >> 8) % 32;
        if (!slot[i].at) {
            slot[i].at = SYS((char *)mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
                                          ((random >> 20) % 4 ? MAP_PRIVATE : MAP_SHARED) | MAP_ANONYMOUS, -1, 0));
            slot[i].pages = pages;
            testee_fill(slot[i].at, pages * PAGE, slot[i].seed = random | 1);
        } else {
            CHECK(testee_differs(slot[i].at, slot[i].pages * PAGE, slot[i].seed) < 0, "round %lu: slot %d differs",
                  (unsigned long)rounds, i);
            switch ((random >> 24) % 3) {
                case 0: SYS(munmap(slot[i].at, slot[i].pages * PAGE)); slot[i].at = NULL; break;
                case 1: slot[i].at = SYS((char *)mremap(slot[i].at, slot[i].pages * PAGE, slot[i].pages * PAGE, MREMAP_MAYMOVE)); break;
                default: testee_fill(slot[i].at, slot[i].pages * PAGE, slot[i].seed = random | 1);
            }
        }
        if (!ready && ++rounds > 2000) testee_ready(), ready = 1;
    } while (go);
    for (int i = 0; i < SLOTS; i++)
        if (slot[i].at) CHECK(testee_differs(slot[i].at, slot[i].pages * PAGE, slot[i].seed) < 0, "slot %d differs at the end", i);
    testee_pass();
}
