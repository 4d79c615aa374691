/* A MAP_GROWSDOWN mapping keeps its contents and still grows when touched below its start. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    /* Room below, and the guard gap of 256 pages the kernel wants. */
    char *room = SYS((char *)mmap(NULL, 1024 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    SYS(munmap(room, 1024 * PAGE));
    char *m = SYS((char *)mmap(room + 1000 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0));
    testee_fill(m, 8 * PAGE, 1);
    m[-(long)PAGE] = 7; /* grown by one before the dump */
    testee_ready();
    testee_wait();
    CHECK(testee_differs(m, 8 * PAGE, 1) < 0, "contents differ");
    CHECK(m[-(long)PAGE] == 7, "the grown page differs");
    m[-20 * (long)PAGE] = 9;
    CHECK(m[-20 * (long)PAGE] == 9 && m[-10 * (long)PAGE] == 0, "it does not grow");
    testee_pass();
}
