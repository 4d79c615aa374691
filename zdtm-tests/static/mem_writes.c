/* Private memory is written in every way that there is, all the time; each page says what it must hold. */
#include "testee.h"

enum { CHUNKS = 24, PAGES = 40, BYTES = PAGES * PAGE };

/* Where a chunk is, and the stream that it holds; 0: zeros, as of fresh memory. */
static struct { char *at; uint64_t seed[PAGES]; } chunk[CHUNKS];
static uint64_t state = 0x9e3779b97f4a7c15ULL, rounds;

static uint64_t next(void) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return state;
}

static void *fresh(void *at) {
    return SYS(mmap(at, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0));
}

static void check(int c, int page) {
    char *at = chunk[c].at + page * PAGE;
    if (chunk[c].seed[page]) {
        ssize_t wrong = testee_differs(at, PAGE, chunk[c].seed[page]);
        CHECK(wrong < 0, "round %lu: chunk %d page %d differs at %zd", (unsigned long)rounds, c, page, wrong);
    } else {
        for (size_t i = 0; i < PAGE; i++)
            CHECK(!at[i], "round %lu: chunk %d page %d is not zero at %zu", (unsigned long)rounds, c, page, i);
    }
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    int file = SYS(open(testee_path("data"), O_CREAT | O_RDWR | O_TRUNC, 0600));
    static char page_of_data[PAGE];
    for (int c = 0; c < CHUNKS; c++) chunk[c].at = fresh(NULL);
    int ready = 0, go;
    do {
        go = ready ? testee_go() : 1;
        int c = (int)(next() % CHUNKS), page = (int)(next() % PAGES);
        char *at = chunk[c].at + page * PAGE;
        check(c, page);
        uint64_t seed = next() | 1;
        switch (next() % 10) {
            case 0: /* the kernel writes: read(2) into the page */
                testee_fill(page_of_data, PAGE, seed);
                CHECK(pwrite(file, page_of_data, PAGE, 0) == PAGE, "pwrite");
                CHECK(pread(file, at, PAGE, 0) == PAGE, "pread");
                chunk[c].seed[page] = seed;
                break;
            case 1: /* given back */
                SYS(madvise(at, PAGE, MADV_DONTNEED));
                chunk[c].seed[page] = 0;
                break;
            case 2: /* unmapped, and mapped again at the same address */
                if (next() % 8) break;
                fresh(chunk[c].at);
                memset(chunk[c].seed, 0, sizeof chunk[c].seed);
                break;
            case 3: /* moved */
                if (next() % 8) break;
                chunk[c].at = SYS(mremap(chunk[c].at, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, fresh(NULL)));
                break;
            case 4: /* two chunks change places */ {
                if (next() % 8) break;
                int other = (int)(next() % CHUNKS);
                if (other == c) break;
                char *ours = chunk[c].at, *theirs = chunk[other].at, *spare = fresh(NULL);
                SYS(mremap(ours, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, spare));
                SYS(mremap(theirs, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, ours));
                SYS(mremap(spare, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, theirs));
                chunk[c].at = theirs, chunk[other].at = ours;
                break;
            }
            case 5: /* protected, and not any more */
                SYS(mprotect(at, PAGE, PROT_NONE));
                SYS(mprotect(at, PAGE, PROT_READ | PROT_WRITE));
                break;
            case 6: /* back to what it was: no change at all */
                if (chunk[c].seed[page]) testee_fill(at, PAGE, chunk[c].seed[page]);
                break;
            case 7: /* a single byte, and the same byte again */
                if (chunk[c].seed[page]) {
                    ((volatile char *)at)[77] ^= 1;
                    ((volatile char *)at)[77] ^= 1;
                }
                break;
            default:
                testee_fill(at, PAGE, seed);
                chunk[c].seed[page] = seed;
        }
        if (!ready && ++rounds > 3000) testee_ready(), ready = 1;
        rounds++;
    } while (go);
    for (int c = 0; c < CHUNKS; c++)
        for (int page = 0; page < PAGES; page++) check(c, page);
    testee_pass();
}
