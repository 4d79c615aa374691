/* O_APPEND still appends, wherever the offset is; other status flags are kept. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("data"), got[32] = {0};
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0644));
    int sync = SYS(open(path, O_WRONLY | O_DSYNC | O_NOATIME));
    int path_only = SYS(open(path, O_PATH));
    SYS(write(fd, "first ", 6));
    SYS(lseek(fd, 2, SEEK_SET));
    int before = SYS(fcntl(fd, F_GETFL)), sync_before = SYS(fcntl(sync, F_GETFL));
    testee_ready();
    testee_wait();
    CHECK(SYS(fcntl(fd, F_GETFL)) == before, "flags were %#o, are %#o", before, fcntl(fd, F_GETFL));
    CHECK(SYS(fcntl(sync, F_GETFL)) == sync_before, "flags were %#o, are %#o", sync_before, fcntl(sync, F_GETFL));
    CHECK(lseek(fd, 0, SEEK_CUR) == 2, "offset %ld", (long)lseek(fd, 0, SEEK_CUR));
    int outside = SYS(open(path, O_WRONLY | O_APPEND));
    SYS(write(outside, "second ", 7));
    SYS(write(fd, "third", 5));
    CHECK(pread(fd, got, 32, 0) == 18 && !strcmp(got, "first second third"), "the file reads %s", got);
    struct stat a, b;
    SYS(fstat(fd, &a));
    SYS(fstat(path_only, &b));
    CHECK(a.st_ino == b.st_ino && read(path_only, got, 1) < 0 && errno == EBADF, "O_PATH differs");
    testee_pass();
}
