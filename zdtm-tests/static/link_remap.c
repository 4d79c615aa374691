/* Files whose name is gone while they have another: unlinked, mapped only. */
/* dump: --link-remap */
#include "testee.h"

static char *linked(const char *name, const char *text, int *fd) {
    char *path = testee_path(name), *other;
    SYS(asprintf(&other, "%s.other", path));
    *fd = SYS(open(path, O_RDWR | O_CREAT | O_EXCL, 0640));
    SYS(write(*fd, text, strlen(text)));
    SYS(link(path, other));
    return path;
}

static void same_file(int fd, const char *path) {
    struct stat mine, there;
    char *other;
    SYS(asprintf(&other, "%s.other", path));
    SYS(fstat(fd, &mine));
    SYS(stat(other, &there));
    CHECK(mine.st_ino == there.st_ino && mine.st_nlink == 1, "%s: ino %lu %lu links %lu", path, mine.st_ino,
          there.st_ino, mine.st_nlink);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int gone, mapped;
    char *gone_path = linked("gone", "the first", &gone);
    char *mapped_path = linked("mapped", "in memory", &mapped);
    SYS(unlink(gone_path));
    int reader;
    char *self;
    SYS(asprintf(&self, "/proc/self/fd/%d", gone));
    reader = SYS(open(self, O_RDONLY));
    SYS(lseek(reader, 4, SEEK_SET));
    char *map = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0));
    SYS(close(mapped));
    SYS(unlink(mapped_path));
    testee_ready();
    testee_wait();
    char text[32] = {0};
    CHECK(read(reader, text, 31) == 5 && !strcmp(text, "first"), "the reader reads %s", text);
    same_file(gone, gone_path);
    memcpy(map, "IN", 2);
    char *other;
    SYS(asprintf(&other, "%s.other", mapped_path));
    int again = SYS(open(other, O_RDONLY));
    CHECK(pread(again, text, 9, 0) == 9 && !memcmp(text, "IN memory", 9), "file and mapping are two: %s", text);
    CHECK(access(gone_path, F_OK) && access(mapped_path, F_OK), "an unlinked name is there");
    testee_pass();
}
