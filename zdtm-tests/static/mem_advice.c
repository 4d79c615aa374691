/*
 * Mapping flags set by madvise, mlock and MAP_NORESERVE, one by one and together, of all kinds of
 * memory (VmFlags are compared by the harness); PR_SET_MEMORY_MERGE, and what is taken out of it.
 */
#include <sys/prctl.h>
#include "testee.h"

#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#define SIZE (16 * PAGE)

static const int advice[] = {MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTFORK, MADV_MERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_WIPEONFORK};
static const int kinds[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED};
enum { ADVICE = sizeof advice / sizeof *advice, KINDS = sizeof kinds / sizeof *kinds, ALL = KINDS * (ADVICE + 1) + 1 };

static int file;

/* With a neighbour that it cannot merge with. */
static char *region(int flags) {
    char *m = SYS((char *)mmap(NULL, SIZE + PAGE, PROT_READ | PROT_WRITE, flags, flags & MAP_ANONYMOUS ? -1 : file, 0));
    SYS(mprotect(m + SIZE, PAGE, PROT_NONE));
    testee_fill(m, SIZE, 3);
    return m;
}

static int fork_sees(void *at) {
    unsigned char vec[16];
    return mincore(at, SIZE, vec) == 0;
}

static int merging(void *unused) {
    (void)unused;
    testee_listen();
    if (prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0)) return 2; /* before Linux 6.4 */
    char *out = region(MAP_PRIVATE | MAP_ANONYMOUS);
    if (madvise(out, SIZE, MADV_UNMERGEABLE)) return 2;
    testee_wait();
    return prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) == 1 ? 0 : 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    file = SYS(open(testee_path("file"), O_RDWR | O_CREAT, 0600));
    SYS(ftruncate(file, SIZE + PAGE));
    char *all[ALL], *dont_fork = NULL;
    int n = 0;
    for (int k = 0; k < KINDS; k++) {
        for (int i = 0; i < ADVICE; i++) { /* some fit some kinds of memory only */
            char *m = all[n++] = region(kinds[k]);
            if (!madvise(m, SIZE, advice[i]) && advice[i] == MADV_DONTFORK) dont_fork = m;
        }
        char *many = all[n++] = region(kinds[k] | MAP_NORESERVE);
        for (int i = 1; i < ADVICE - 1; i++) madvise(many, SIZE, advice[i]);
    }
    SYS(mlock(all[n++] = region(kinds[0]), SIZE));
    pid_t child = testee_child(merging, NULL);
    testee_sleep_ms(20);
    testee_ready();
    testee_wait();
    for (int i = 0; i < n; i++) CHECK(testee_differs(all[i], SIZE, 3) < 0, "region %d differs", i);
    int status;
    SYS(waitpid(testee_child(fork_sees, dont_fork), &status, 0));
    CHECK(status == 0, "MADV_DONTFORK was lost");
    kill(child, SIGTERM);
    SYS(waitpid(child, &status, 0));
    CHECK(status == 0 || status == 2 << 8, "PR_SET_MEMORY_MERGE was lost: %#x", status);
    testee_pass();
}
