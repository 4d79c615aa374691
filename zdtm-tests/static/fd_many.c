/* A thousand descriptors with gaps, in no order, some of one description, some far up. */
#include "testee.h"

enum { FILES = 1000 };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("data");
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600)), far = 900;
    SYS(ftruncate(fd, FILES * 10));
    int numbers[FILES];
    int limit = (int)sysconf(_SC_OPEN_MAX);
    if (limit < 1024) testee_skip("only %d descriptors are allowed", limit);
    int count = limit < 2100 ? 400 : FILES;
    for (int i = 0; i < count; i++) {
        int one = SYS(open(path, i % 2 ? O_RDONLY : O_RDWR));
        SYS(lseek(one, i * 10, SEEK_SET));
        numbers[i] = i % 5 ? one : SYS(fcntl(one, F_DUPFD, far));
        if (i % 5 == 0) SYS(close(one));
    }
    int twin = SYS(dup(numbers[7]));
    testee_ready();
    testee_wait();
    for (int i = 0; i < count; i++)
        CHECK(lseek(numbers[i], 0, SEEK_CUR) == i * 10, "descriptor %d is at %ld, not %d", numbers[i],
              (long)lseek(numbers[i], 0, SEEK_CUR), i * 10);
    SYS(lseek(twin, 3, SEEK_SET));
    CHECK(lseek(numbers[7], 0, SEEK_CUR) == 3, "the twins are no twins");
    CHECK(lseek(numbers[8], 0, SEEK_CUR) == 80, "others have moved");
    testee_pass();
}
