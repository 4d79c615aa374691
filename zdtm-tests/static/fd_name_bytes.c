/* A file whose name is no UTF-8. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int fd = SYS(open(testee_path("\xff\xfe"), O_RDWR | O_CREAT | O_TRUNC, 0600));
    struct stat before, now;
    SYS(fstat(fd, &before));
    testee_ready();
    testee_wait();
    SYS(fstat(fd, &now));
    CHECK(now.st_ino == before.st_ino && now.st_dev == before.st_dev, "another file");
    testee_pass();
}
