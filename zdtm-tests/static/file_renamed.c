/* An open file that was renamed, one in a directory that was renamed, and one named "x (deleted)". */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *before = testee_path("before"), *after = testee_path("after"), *odd = testee_path("x (deleted)");
    char *dir = testee_path("dir"), *moved = testee_path("moved"), *inside;
    int fd = SYS(open(before, O_RDWR | O_CREAT, 0600));
    SYS(write(fd, "renamed", 7));
    SYS(rename(before, after));
    SYS(mkdir(dir, 0700));
    SYS(asprintf(&inside, "%s/inside", dir));
    int in = SYS(open(inside, O_RDWR | O_CREAT, 0600));
    SYS(rename(dir, moved));
    int deleted = SYS(open(odd, O_RDWR | O_CREAT, 0600));
    SYS(write(deleted, "odd", 3));
    testee_ready();
    testee_wait();
    struct stat mine, there;
    SYS(fstat(fd, &mine));
    SYS(stat(after, &there));
    CHECK(mine.st_ino == there.st_ino, "the renamed file is another");
    SYS(asprintf(&inside, "%s/inside", moved));
    SYS(fstat(in, &mine));
    SYS(stat(inside, &there));
    CHECK(mine.st_ino == there.st_ino, "the file in the renamed directory is another");
    SYS(fstat(deleted, &mine));
    SYS(stat(odd, &there));
    CHECK(mine.st_ino == there.st_ino && mine.st_nlink == 1, "the oddly named file is another");
    testee_pass();
}
