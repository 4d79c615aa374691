/*
 * Memory that the kernel changes, moves and merges by itself, or that changes beside the page tables,
 * written all the time: huge pages by madvise and by khugepaged, KSM, swap, huge TLB pages, locked
 * memory, reads past the page cache. What this machine does not have is memory as any other.
 */
#include "testee.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

enum { HUGE = 2 << 20, PER_HUGE = HUGE / PAGE, KINDS = 6 };

static struct { char *at; uint64_t seed[PER_HUGE]; } area[KINDS];
static uint64_t state = 0x9e3779b97f4a7c15ULL, rounds;

static uint64_t next(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static void check(int kind, int page) {
    ssize_t wrong = testee_differs(area[kind].at + page * PAGE, PAGE, area[kind].seed[page]);
    CHECK(wrong < 0, "round %lu: kind %d page %d differs at %zd", (unsigned long)rounds, kind, page, wrong);
}

static void fill(int kind, int page, uint64_t seed) {
    testee_fill(area[kind].at + page * PAGE, PAGE, area[kind].seed[page] = seed);
}

static char *aligned(void) {
    char *at = SYS((char *)mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *from = (char *)(((uintptr_t)at + HUGE - 1) & -(uintptr_t)HUGE);
    if (from > at) SYS(munmap(at, (size_t)(from - at)));
    SYS(munmap(from + HUGE, (size_t)(at + 2 * HUGE - from - HUGE)));
    return from;
}

/* Lets KSM run, or not; returns what it did before. Not root: nothing is merged. */
static char ksm(char word) {
    char before = '0';
    int fd = open("/sys/kernel/mm/ksm/run", O_RDWR | O_CLOEXEC);
    if (fd < 0) return before;
    if (read(fd, &before, 1) != 1 || pwrite(fd, &word, 1, 0) != 1) before = '0';
    SYS(close(fd));
    return before;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    const char *path = testee_path("data");
    int data = SYS(open(path, O_CREAT | O_RDWR | O_TRUNC, 0600));
    static char page_of_data[PAGE] __attribute__((aligned(PAGE)));
    for (int kind = 0; kind < KINDS; kind++) area[kind].at = aligned();
    SYS(madvise(area[0].at, HUGE, MADV_HUGEPAGE));
    madvise(area[1].at, HUGE, MADV_NOHUGEPAGE);
    int merges = madvise(area[2].at, HUGE, MADV_MERGEABLE) == 0;
    char *tlb = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    if (tlb != MAP_FAILED) SYS(munmap(area[4].at, HUGE)), area[4].at = tlb;
    int locked = mlock(area[5].at, HUGE) == 0;
    for (int kind = 0; kind < KINDS; kind++)
        for (int page = 0; page < PER_HUGE; page++) fill(kind, page, kind == 2 ? 1 + (uint64_t)page % 2 : next() | 1);
    char before = merges ? ksm('1') : '0';
    int ready = 0, go;
    do {
        go = ready ? testee_go() : 1;
        int kind = (int)(next() % KINDS), page = (int)(next() % PER_HUGE);
        check(kind, page);
        switch (next() % 24) {
            case 0:
                if (kind == 0) madvise(area[0].at, HUGE, MADV_COLLAPSE);
                break;
            case 1: /* a huge page is split, and that page is there anew */
                if (kind > 2) break;
                SYS(madvise(area[kind].at + page * PAGE, PAGE, MADV_DONTNEED));
                fill(kind, page, kind == 2 ? 1 + (uint64_t)page % 2 : next() | 1);
                break;
            case 2:
                if (kind == 3) madvise(area[3].at + page * PAGE, PAGE, MADV_PAGEOUT);
                break;
            case 3: /* by the kernel, past the page cache where the file system can */
                if (kind == 4) break; /* some kernels cannot */
                testee_fill(page_of_data, PAGE, area[kind].seed[page] = next() | 1);
                CHECK(pwrite(data, page_of_data, PAGE, 0) == PAGE, "pwrite");
                int direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
                CHECK(pread(direct < 0 ? data : direct, area[kind].at + page * PAGE, PAGE, 0) == PAGE, "pread");
                if (direct >= 0) SYS(close(direct));
                break;
            case 4:
                if (kind != 5 || !locked) break;
                SYS(munlock(area[5].at, HUGE));
                fill(5, page, next() | 1);
                SYS(mlock(area[5].at, HUGE));
                break;
            case 5:
            case 6: /* one of two contents, as KSM likes it */
                fill(2, page, 1 + next() % 2);
                break;
            default:
                if (next() % 4 == 0) fill(kind, page, next() | 1);
                else testee_sleep_ms(next() % 64 == 0);
        }
        if (!ready && ++rounds > 2000) testee_ready(), ready = 1;
        rounds++;
    } while (go);
    if (merges) ksm(before);
    for (int kind = 0; kind < KINDS; kind++)
        for (int page = 0; page < PER_HUGE; page++) check(kind, page);
    testee_pass();
}
