/* Shared memory whose middle is not mapped any more, and parts with other protections. */
#include "testee.h"

#define SIZE (48 * PAGE)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    testee_fill(m, SIZE, 32);
    SYS(munmap(m + 16 * PAGE, 16 * PAGE));
    SYS(mprotect(m + 4 * PAGE, 4 * PAGE, PROT_READ));
    SYS(mprotect(m + 8 * PAGE, 4 * PAGE, PROT_NONE));
    testee_ready();
    testee_wait();
    SYS(mprotect(m, 16 * PAGE, PROT_READ | PROT_WRITE));
    char *again = SYS((char *)mremap(m, 0, SIZE, MREMAP_MAYMOVE));
    CHECK(testee_differs(again, SIZE, 32) < 0, "the object has lost pages");
    again[20 * PAGE] ^= 1;
    CHECK(!memcmp(again + 32 * PAGE, m + 32 * PAGE, 16 * PAGE), "the end is another object");
    testee_pass();
}
