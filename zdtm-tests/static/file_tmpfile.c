/* O_TMPFILE: no name yet, shared with a second descriptor; it can get its name afterwards. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *dir = testee_path("dir"), *named, *self;
    SYS(mkdir(dir, 0755));
    int fd = open(dir, O_TMPFILE | O_RDWR, 0604);
    if (fd < 0 && errno == EOPNOTSUPP) testee_skip("the file system knows no O_TMPFILE");
    CHECK(fd >= 0, "O_TMPFILE: %s", strerror(errno));
    SYS(write(fd, "unpublished", 11));
    SYS(asprintf(&self, "/proc/self/fd/%d", fd));
    int reader = SYS(open(self, O_RDONLY));
    SYS(lseek(reader, 2, SEEK_SET));
    int flags = SYS(fcntl(fd, F_GETFL));
    testee_ready();
    testee_wait();
    CHECK(fcntl(fd, F_GETFL) == flags, "flags %x, not %x", fcntl(fd, F_GETFL), flags);
    char text[16] = {0};
    CHECK(read(reader, text, 15) == 9 && !strcmp(text, "published"), "the reader reads %s", text);
    SYS(write(fd, "!", 1));
    SYS(asprintf(&named, "%s/named", dir));
    SYS(linkat(AT_FDCWD, self, AT_FDCWD, named, AT_SYMLINK_FOLLOW));
    int again = SYS(open(named, O_RDONLY));
    CHECK(read(again, text, 15) == 12 && !memcmp(text, "unpublished!", 12), "it holds %s", text);
    struct stat st;
    SYS(fstat(again, &st));
    CHECK((st.st_mode & 0777) == (0604 & ~umask(0)), "mode %o", st.st_mode);
    testee_pass();
}
