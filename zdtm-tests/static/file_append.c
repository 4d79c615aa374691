/* O_APPEND still appends, wherever the offset is; all other flags, mode and times are kept. */
#include "testee.h"

static const int flags[] = {
    O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE /* for ioctl(2) alone */, O_RDWR | O_DSYNC, O_RDWR | O_SYNC, O_RDWR | O_NONBLOCK,
    O_RDWR | O_DIRECT, O_RDONLY | O_NOATIME, O_RDONLY | O_NOFOLLOW, O_RDWR | O_NOCTTY | O_CREAT, O_PATH | O_NOFOLLOW,
    0100000 /* O_LARGEFILE */, O_WRONLY | O_APPEND | O_DSYNC | O_NONBLOCK | O_NOATIME | O_CLOEXEC,
};
enum { FLAGS = sizeof flags / sizeof *flags };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("data"), got[32] = {0};
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0644));
    int sync = SYS(open(path, O_WRONLY | O_DSYNC | O_NOATIME));
    int path_only = SYS(open(path, O_PATH));
    SYS(write(fd, "first ", 6));
    SYS(lseek(fd, 2, SEEK_SET));
    int before = SYS(fcntl(fd, F_GETFL)), sync_before = SYS(fcntl(sync, F_GETFL));
    int fds[FLAGS], got_flags[FLAGS], changed = SYS(open(path, O_RDWR | O_APPEND | O_NONBLOCK));
    for (int i = 0; i < FLAGS; i++) {
        fds[i] = SYS((int)syscall(SYS_openat, AT_FDCWD, path, flags[i], 0)); /* open(2) adds O_LARGEFILE */
        got_flags[i] = SYS(fcntl(fds[i], F_GETFL));
    }
    SYS(fcntl(changed, F_SETFL, O_DIRECT | O_NOATIME));
    int changed_flags = SYS(fcntl(changed, F_GETFL));
    struct timespec times[2] = {{1000000001, 123456789}, {1100000002, 987654321}};
    SYS(futimens(fd, times));
    struct stat then, now;
    SYS(fstat(fd, &then));
    testee_ready();
    testee_wait();
    SYS(fstat(fd, &now));
    CHECK(now.st_mode == then.st_mode && now.st_nlink == 1, "mode %o links %lu", now.st_mode, (unsigned long)now.st_nlink);
    CHECK(!memcmp(&now.st_atim, &then.st_atim, sizeof now.st_atim), "accessed at %ld", now.st_atim.tv_sec);
    CHECK(!memcmp(&now.st_mtim, &then.st_mtim, sizeof now.st_mtim), "modified at %ld", now.st_mtim.tv_sec);
    CHECK(!memcmp(&now.st_ctim, &then.st_ctim, sizeof now.st_ctim), "changed at %ld", now.st_ctim.tv_sec);
    for (int i = 0; i < FLAGS; i++) {
        int is = SYS(fcntl(fds[i], F_GETFL));
        CHECK(is == got_flags[i], "flags %#o of %#o, not %#o", is, flags[i], got_flags[i]);
    }
    CHECK(SYS(fcntl(changed, F_GETFL)) == changed_flags, "what fcntl has set: %#o", fcntl(changed, F_GETFL));
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
