/* MAP_DROPPABLE: it may lose its contents at any time, but stays what it is; a child sees zeros. */
#include "testee.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 8
#endif
#define SIZE (8 * PAGE)

static int sees(void *at) {
    return *(char *)at;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_DROPPABLE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED) testee_skip("this kernel has no MAP_DROPPABLE");
    memset(m, 7, SIZE);
    testee_ready();
    testee_wait();
    for (unsigned i = 0; i < SIZE; i++) CHECK(m[i] == 7 || m[i] == 0, "byte %u is %d", i, m[i]);
    memset(m, 8, SIZE);
    int status;
    SYS(waitpid(testee_child(sees, m), &status, 0));
    CHECK(status == 0, "a child sees what is wiped on fork");
    testee_pass();
}
