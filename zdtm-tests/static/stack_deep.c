/* Dumped 2,000 frames down; every frame is checked on the way back, then the stack grows on. */
#include "testee.h"

static int descend(int depth, int wait) {
    volatile uint64_t frame[64];
    for (int i = 0; i < 64; i++) frame[i] = (uint64_t)depth * 1000 + i;
    if (depth == 0) {
        if (wait) {
            testee_ready();
            testee_wait();
        }
    } else if (descend(depth - 1, wait) != depth - 1) {
        testee_fail("frame %d came back wrong", depth - 1);
    }
    for (int i = 0; i < 64; i++)
        CHECK(frame[i] == (uint64_t)depth * 1000 + i, "frame %d word %d is %lu", depth, i, frame[i]);
    return depth;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    descend(2000, 1);
    descend(9000, 0); /* 5 MB: below where the stack ended, so it must still grow by itself */
    testee_pass();
}
