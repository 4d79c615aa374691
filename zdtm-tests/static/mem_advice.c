/* Mapping flags set by madvise, mlock and MAP_NORESERVE survive (VmFlags are compared by the harness). */
#include "testee.h"

#define SIZE (16 * PAGE)

static char *region(void) {
    char *m = SYS((char *)mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS(mprotect(m + SIZE, PAGE, PROT_NONE));
    testee_fill(m, SIZE, 3);
    return m;
}

static int fork_sees(void *at) {
    unsigned char vec[16];
    return mincore(at, SIZE, vec) == 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *dont_fork = region(), *dont_dump = region(), *wipe = region(), *huge = region(), *locked = region();
    SYS(madvise(dont_fork, SIZE, MADV_DONTFORK));
    SYS(madvise(dont_dump, SIZE, MADV_DONTDUMP));
    SYS(madvise(wipe, SIZE, MADV_WIPEONFORK));
    madvise(huge, SIZE, MADV_NOHUGEPAGE);
    SYS(mlock(locked, SIZE));
    testee_ready();
    testee_wait();
    char *all[] = {dont_fork, dont_dump, wipe, huge, locked};
    for (int i = 0; i < 5; i++) CHECK(testee_differs(all[i], SIZE, 3) < 0, "region %d differs", i);
    int status;
    SYS(waitpid(testee_child(fork_sees, dont_fork), &status, 0));
    CHECK(status == 0, "MADV_DONTFORK was lost");
    testee_pass();
}
