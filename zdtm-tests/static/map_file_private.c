/* A private file mapping modified in part: our pages stay ours, the others stay the file's. */
#include "testee.h"

#define PAGES 64

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("data"), *page = malloc(PAGE);
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    for (int i = 0; i < PAGES; i++) {
        testee_fill(page, PAGE, 100 + i);
        SYS(write(fd, page, PAGE));
    }
    char *m = SYS((char *)mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    SYS(close(fd));
    volatile char touched = m[10 * PAGE];
    (void)touched;
    for (int i = 0; i < PAGES; i += 3) testee_fill(m + i * PAGE, PAGE, 500 + i);
    SYS(mprotect(m + 32 * PAGE, 16 * PAGE, PROT_READ));
    testee_ready();
    testee_wait();
    for (int i = 0; i < PAGES; i++)
        CHECK(testee_differs(m + i * PAGE, PAGE, (i % 3 ? 100 : 500) + i) < 0, "page %d differs", i);
    m[0] ^= 1;
    fd = SYS(open(path, O_RDONLY));
    SYS(read(fd, page, PAGE));
    CHECK(testee_differs(page, PAGE, 100) < 0, "a private write reached the file");
    testee_pass();
}
