/* A shared file mapping still writes to its file, and sees what is written there. */
#include "testee.h"

#define SIZE (64 * PAGE)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("data"), *copy = malloc(SIZE);
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    SYS(ftruncate(fd, SIZE));
    char *m = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    char *tail = SYS((char *)mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 60 * PAGE));
    SYS(close(fd));
    testee_fill(m, SIZE, 5);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(m, SIZE, 5) < 0, "contents differ");
    testee_fill(m, SIZE, 6);
    fd = SYS(open(path, O_RDWR));
    CHECK(pread(fd, copy, SIZE, 0) == SIZE && testee_differs(copy, SIZE, 6) < 0,
          "writes do not reach the file");
    CHECK(!memcmp(tail, m + 60 * PAGE, 4 * PAGE), "the two mappings are not of one file");
    SYS(pwrite(fd, "seen", 4, 61 * PAGE));
    CHECK(!memcmp(tail + PAGE, "seen", 4), "the mapping does not see the file");
    testee_pass();
}
