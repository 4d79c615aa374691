/* What a forked child has not written it shares with its parent: before a restore and after it. */
#include "testee.h"

#define CHILDREN 4
#define SIZE (24UL << 20)
#define AT(n) (m + (n) * (1UL << 20))

static char *m;
static volatile int *flags; /* 0: go on; 1 + n: child n is ready */
static int number;

/* Kilobytes of memory that is nobody else's, and our share of all memory. */
static void use(long *own, long *share) {
    char line[256];
    long kb;
    FILE *f = fopen("/proc/self/smaps_rollup", "re");
    if (!f) testee_fail("cannot read smaps_rollup");
    *own = *share = 0;
    while (fgets(line, sizeof line, f)) {
        if (sscanf(line, "Private_Clean: %ld", &kb) == 1 || sscanf(line, "Private_Dirty: %ld", &kb) == 1) *own += kb;
        if (sscanf(line, "Pss: %ld", &kb) == 1) *share = kb;
    }
    fclose(f);
}

static int zero(const char *at, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (at[i]) return 0;
    return 1;
}

static int child(void *arg) {
    int n = number;
    (void)arg;
    if (n == 1) {
        memset(AT(1), 9, PAGE);                                           /* written by this child */
        SYS(madvise(AT(2), 16 * PAGE, MADV_DONTNEED));                    /* dropped by it */
        SYS(mprotect(AT(3), PAGE, PROT_READ));                            /* protected otherwise */
        SYS(munmap(AT(4), 8 * PAGE));                                     /* a hole */
        SYS((char *)mmap(AT(5), PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
        memset(AT(5), 5, 8);                                              /* another mapping in its place */
        SYS((char *)mmap(AT(4) + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    }
    flags[1 + n] = 1;
    while (!*flags) testee_sleep_ms(3);
    long own, share;
    use(&own, &share);
    if (own > 6 << 10) return 1; /* copies would be SIZE or more */
    if (testee_differs(m, 1 << 20, 0) >= 0 || testee_differs(AT(8), 16UL << 20, 8) >= 0) return 2;
    if (testee_differs(AT(6), 1UL << 20, 6) >= 0) return 3; /* the parent wrote that afterwards */
    if (n == 1) {
        char nines[PAGE];
        memset(nines, 9, PAGE);
        if (memcmp(AT(1), nines, PAGE)) return 4;
        if (!zero(AT(2), 16 * PAGE)) return 5;
        if (testee_differs(AT(3), 1UL << 20, 3) >= 0) return 6;
        unsigned char vec[8];
        if (mincore(AT(4), PAGE, vec) == 0 || mincore(AT(4) + PAGE, PAGE, vec) != 0) return 7;
        if (AT(5)[7] != 5 || AT(5)[8] != 0) return 8;
    } else {
        for (int i = 1; i < 8; i++)
            if (testee_differs(AT(i), 1UL << 20, (unsigned)i) >= 0) return 9;
    }
    memset(m, n, SIZE / 24); /* and it is still nobody else's */
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    flags = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS(madvise(m, SIZE, MADV_NOHUGEPAGE));
    for (unsigned i = 0; i < 8; i++) testee_fill(AT(i), 1UL << 20, i);
    testee_fill(AT(8), 16UL << 20, 8);
    pid_t pids[CHILDREN];
    for (number = 0; number < CHILDREN; number++) {
        pids[number] = testee_child(child, NULL);
        testee_await(&flags[1 + number], "a child");
    }
    memset(AT(6), 66, PAGE);
    SYS(madvise(AT(7), 4 * PAGE, MADV_DONTNEED));
    testee_ready();
    testee_wait();
    long own, share;
    use(&own, &share);
    CHECK(own < 6 << 10 && share < (long)(SIZE >> 10) / 2, "%ld kB are not shared, our share is %ld", own, share);
    CHECK(AT(6)[PAGE - 1] == 66 && zero(AT(7), 4 * PAGE), "the parent's own changes are lost");
    CHECK(testee_differs(m, 1UL << 20, 0) < 0 && testee_differs(AT(8), 16UL << 20, 8) < 0, "the parent's memory differs");
    *flags = 1;
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        SYS(waitpid(pids[i], &status, 0));
        CHECK(WIFEXITED(status) && !WEXITSTATUS(status), "child %d says %d", i, WEXITSTATUS(status));
    }
    CHECK(testee_differs(m, 1UL << 20, 0) < 0, "a child's write is seen");
    testee_pass();
}
