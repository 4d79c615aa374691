/* Code that the program wrote itself, in a page that may be written and run, and in two views of one memfd. */
#include "testee.h"

typedef int (*code)(int);
static const unsigned char add_ret[] = {0x8d, 0x47, 0x00, 0xc3}; /* lea eax, [rdi + N]; ret */

static void put(char *at, char n) {
    memcpy(at, add_ret, sizeof add_ret);
    at[2] = n;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *both = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    int fd = SYS(memfd_create("jit", 0));
    SYS(ftruncate(fd, PAGE));
    char *writable = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    char *runnable = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
    SYS(close(fd));
    put(both, 5);
    put(writable, 7);
    testee_ready();
    testee_wait();
    CHECK(((code)(void *)both)(10) == 15, "the code in the private page");
    CHECK(((code)(void *)runnable)(10) == 17, "the code in the memfd");
    put(writable, 9);
    put(both, 6);
    CHECK(((code)(void *)both)(10) == 16 && ((code)(void *)runnable)(10) == 19, "code that was written afterwards");
    testee_pass();
}
