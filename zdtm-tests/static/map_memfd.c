/* memfd: one mapped with its descriptor open, one mapped with it closed, one only open and sealed. */
#include "testee.h"

#define SIZE (32 * PAGE)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int open_fd = SYS(memfd_create("kept", MFD_CLOEXEC));
    int closed_fd = SYS(memfd_create("only mapped", 0));
    int sealed = SYS(memfd_create("sealed", MFD_ALLOW_SEALING));
    SYS(ftruncate(open_fd, SIZE));
    SYS(ftruncate(closed_fd, SIZE));
    char *a = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, open_fd, 0));
    char *b = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, closed_fd, 0));
    char *p = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, open_fd, 0));
    SYS(close(closed_fd));
    testee_fill(a, SIZE, 1);
    testee_fill(b, SIZE, 2);
    testee_fill(p, SIZE / 2, 3); /* the first half is ours, the second the file's */
    SYS(write(sealed, "sealed contents", 15));
    SYS(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK));
    testee_ready();
    testee_wait();
    CHECK(testee_differs(a, SIZE, 1) < 0, "the mapping with a descriptor differs");
    CHECK(testee_differs(b, SIZE, 2) < 0, "the mapping without a descriptor differs");
    CHECK(testee_differs(p, SIZE / 2, 3) < 0, "the private copy differs");
    CHECK(!memcmp(p + SIZE / 2, a + SIZE / 2, SIZE / 2), "the rest of the private one is not the file's");
    testee_fill(a, SIZE, 4);
    char *copy = malloc(SIZE);
    CHECK(pread(open_fd, copy, SIZE, 0) == SIZE && testee_differs(copy, SIZE, 4) < 0,
          "descriptor and mapping are no longer one file");
    char text[16] = {0};
    CHECK(pread(sealed, text, 15, 0) == 15 && !strcmp(text, "sealed contents"), "sealed one reads %s", text);
    CHECK(lseek(sealed, 0, SEEK_CUR) == 15, "its offset moved");
    CHECK(SYS(fcntl(sealed, F_GET_SEALS)) == (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK), "seals differ");
    CHECK(write(sealed, "x", 1) < 0 && errno == EPERM, "the seal does not hold");
    testee_pass();
}
