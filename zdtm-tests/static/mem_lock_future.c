/* mlockall(MCL_FUTURE) while nothing is locked yet; a child has it for what it touches only. */
#include "testee.h"

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

static int child(void *unused) {
    (void)unused;
    if (mlockall(MCL_FUTURE | MCL_ONFAULT)) return 9;
    testee_listen();
    testee_wait();
    unsigned char vec[4] = {0};
    char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED || mincore(m, 4 * PAGE, vec)) return 8;
    if ((vec[0] | vec[1] | vec[2] | vec[3]) & 1) return 7;
    m[PAGE] = 1;
    FILE *f = fopen("/proc/self/smaps", "r");
    char line[256];
    unsigned long kb = 0, locked = 0;
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Locked: %lu", &kb) == 1) locked += kb;
    return locked ? 0 : 6;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t pid = testee_child(child, NULL);
    if (mlockall(MCL_FUTURE)) testee_skip("may not lock: %s", strerror(errno));
    testee_ready();
    testee_wait();
    unsigned char vec[4] = {0};
    char *m = SYS((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS(mincore(m, 4 * PAGE, vec));
    CHECK(vec[0] & vec[1] & vec[2] & vec[3] & 1, "a new mapping is not locked");
    testee_reap(pid, 0);
    testee_pass();
}
