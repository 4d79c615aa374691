/* /dev/null, /dev/zero, /dev/urandom and /dev/full still are what they were. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int null = SYS(open("/dev/null", O_RDWR)), zero = SYS(open("/dev/zero", O_RDONLY | O_CLOEXEC));
    int random = SYS(open("/dev/urandom", O_RDONLY)), full = SYS(open("/dev/full", O_WRONLY));
    char *map = SYS((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0));
    testee_fill(map, PAGE, 1);
    testee_ready();
    testee_wait();
    char a[64], b[64] = {0};
    memset(a, 1, sizeof a);
    CHECK(write(null, a, 64) == 64 && read(null, a, 64) == 0, "/dev/null");
    CHECK(read(zero, a, 64) == 64 && !memcmp(a, b, 64), "/dev/zero");
    CHECK(read(random, a, 64) == 64 && memcmp(a, b, 64), "/dev/urandom");
    CHECK(write(full, a, 1) < 0 && errno == ENOSPC, "/dev/full");
    CHECK(testee_differs(map, PAGE, 1) < 0 && !memcmp(map + PAGE, b, 64), "the mapping of /dev/zero");
    testee_pass();
}
