/* Untouched, read-only-touched (also huge) and zeroed pages are zero afterwards, and cost no memory. */
#include <sys/utsname.h>
#include "testee.h"

#define SIZE (512UL << 20)
#define HUGE (2UL << 20)
enum { HUGE_PAGES = 64 };

/* Before Linux 6.7 nobody can tell the zero page. */
static int can_be_told(void) {
    struct utsname name;
    int major = 0, minor = 0;
    SYS(uname(&name));
    sscanf(name.release, "%d.%d", &major, &minor);
    return major > 6 || (major == 6 && minor >= 7);
}

static unsigned long resident_pages(void) {
    unsigned long total, resident;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f || fscanf(f, "%lu %lu", &total, &resident) != 2) testee_fail("cannot read statm");
    fclose(f);
    return resident;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    volatile char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    SYS(madvise((void *)m, SIZE, MADV_NOHUGEPAGE));
    int sum = 0;
    for (unsigned i = 0; i < 1000; i++) sum += m[i * PAGE];              /* the shared zero page */
    for (unsigned i = 2000; i < 2500; i++) m[i * PAGE + 7] = 0;          /* own pages, all zero */
    for (unsigned i = 4000; i < 5000; i += 2) m[i * PAGE + 9] = (char)i | 1; /* every other page */
    char *huge = SYS((char *)mmap(NULL, (HUGE_PAGES + 1) * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    huge = (char *)(((uintptr_t)huge + HUGE - 1) & ~(HUGE - 1));
    if (can_be_told() && !madvise(huge, HUGE_PAGES * HUGE, MADV_HUGEPAGE))
        for (int i = 0; i < HUGE_PAGES; i++) sum += *(volatile char *)(huge + i * HUGE); /* the huge zero page */
    testee_ready();
    testee_wait();
    unsigned long pages = resident_pages();
    CHECK(pages < 16384, "%lu resident pages, so untouched ones were filled", pages);
    for (unsigned i = 0; i < 8000; i++)
        for (unsigned j = 0; j < PAGE; j++) {
            char want = i >= 4000 && i < 5000 && i % 2 == 0 && j == 9 ? (char)i | 1 : 0;
            char is = m[i * PAGE + j];
            CHECK(is == want, "page %u byte %u is %d, not %d", i, j, is, want);
        }
    for (int i = 0; i < HUGE_PAGES; i++) sum += *(volatile char *)(huge + i * HUGE + 7 * PAGE);
    m[SIZE - 1] = 5;
    CHECK(sum == 0 && m[SIZE - 1] == 5, "zero page was not zero");
    testee_pass();
}
