/* A deleted file keeps its holes, mode, owner and times (to the microsecond). */
#include "testee.h"

#define SIZE (64L << 20)

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("sparse");
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_EXCL, 0600));
    SYS(pwrite(fd, "start", 5, 0));
    SYS(pwrite(fd, "middle", 6, SIZE / 2));
    SYS(ftruncate(fd, SIZE));
    SYS(fchown(fd, 1234, 4321));
    SYS(fchmod(fd, 06741));
    SYS(unlink(path));
    struct timespec times[2] = {{1000000001, 123456000}, {1100000002, 654321000}};
    SYS(futimens(fd, times));
    testee_ready();
    testee_wait();
    struct stat st;
    SYS(fstat(fd, &st));
    CHECK(st.st_atim.tv_sec == 1000000001 && st.st_atim.tv_nsec == 123456000, "access time %ld.%09ld", st.st_atim.tv_sec,
          st.st_atim.tv_nsec);
    CHECK(st.st_mtim.tv_sec == 1100000002 && st.st_mtim.tv_nsec == 654321000, "change time %ld.%09ld", st.st_mtim.tv_sec,
          st.st_mtim.tv_nsec);
    CHECK(st.st_size == SIZE && st.st_blocks * 512 < 1 << 20, "size %ld blocks %ld", st.st_size, st.st_blocks);
    CHECK(st.st_uid == 1234 && st.st_gid == 4321 && (st.st_mode & 07777) == 06741, "owner %d:%d mode %o", st.st_uid,
          st.st_gid, st.st_mode);
    char text[8] = {0};
    CHECK(pread(fd, text, 6, SIZE / 2) == 6 && !memcmp(text, "middle", 6), "the middle reads %s", text);
    CHECK(lseek(fd, 1 << 20, SEEK_DATA) == SIZE / 2, "data begins elsewhere");
    testee_pass();
}
