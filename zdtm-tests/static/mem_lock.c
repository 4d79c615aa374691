/* mlock, MLOCK_ONFAULT and mlockall(MCL_FUTURE | MCL_ONFAULT): of what there is and what comes. */
#include "testee.h"
#include <sys/mman.h>

#define SIZE (32 * PAGE)

static char *region(size_t size) {
    return SYS((char *)mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int flag(void *at, const char *wanted) {
    char line[512];
    int inside = 0, found = 0;
    FILE *f = fopen("/proc/self/smaps", "re");
    if (!f) testee_fail("cannot read smaps");
    while (fgets(line, sizeof line, f)) {
        unsigned long start, end;
        if (sscanf(line, "%lx-%lx ", &start, &end) == 2) inside = (char *)at >= (char *)start && (char *)at < (char *)end;
        if (inside && !strncmp(line, "VmFlags:", 8)) found = strstr(line, wanted) != NULL;
    }
    fclose(f);
    return found;
}

static int resident(void *at) {
    unsigned char vec[32];
    int n = 0;
    SYS(mincore(at, SIZE, vec));
    for (int i = 0; i < 32; i++) n += vec[i] & 1;
    return n;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *now = region(SIZE);
    SYS(mprotect(region(PAGE), PAGE, PROT_NONE));
    char *lazy = region(SIZE);
    SYS(mprotect(region(PAGE), PAGE, PROT_NONE));
    SYS(madvise(now, SIZE, MADV_NOHUGEPAGE));
    SYS(madvise(lazy, SIZE, MADV_NOHUGEPAGE));
    if (mlock(now, SIZE)) testee_skip("may not lock: %s", strerror(errno));
    SYS(mlock2(lazy, SIZE, MLOCK_ONFAULT));
    testee_fill(lazy, 4 * PAGE, 3);
    SYS(mlockall(MCL_FUTURE | MCL_ONFAULT));
    testee_ready();
    testee_wait();
    CHECK(resident(now) == 32, "%d of 32 locked pages are there", resident(now));
    CHECK(resident(lazy) == 4, "%d pages are there where 4 were touched", resident(lazy));
    CHECK(testee_differs(lazy, 4 * PAGE, 3) < 0, "contents differ");
    CHECK(flag(lazy, " lf"), "no longer locked on fault");
    char *later = region(SIZE);
    CHECK(flag(later, " lo") && flag(later, " lf"), "what comes is not locked on fault");
    testee_pass();
}
