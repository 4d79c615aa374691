/* mlockall(MCL_CURRENT | MCL_FUTURE): what comes after a restore is locked at once. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (mlockall(MCL_CURRENT | MCL_FUTURE)) testee_skip("may not lock: %s", strerror(errno));
    testee_ready();
    testee_wait();
    unsigned char vec[8] = {0};
    char *m = SYS((char *)mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS(mincore(m, 8 * PAGE, vec));
    for (int i = 0; i < 8; i++) CHECK(vec[i] & 1, "page %d of a new mapping is not there", i);
    testee_pass();
}
