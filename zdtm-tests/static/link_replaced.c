/* Files whose name is another's now: one has a second link, one has no name left, one is only mapped. */
/* dump: --link-remap */
#include "testee.h"

static void replace(const char *path, const char *by) {
    char *second = testee_path("second");
    int fd = SYS(open(second, O_RDWR | O_CREAT | O_EXCL, 0600));
    SYS(write(fd, by, strlen(by)));
    SYS(close(fd));
    SYS(rename(second, path));
}

static void holds(int fd, const char *expected) {
    char text[32] = {0};
    CHECK(pread(fd, text, 31, 0) == (ssize_t)strlen(expected) && !strcmp(text, expected), "it reads %s, not %s", text,
          expected);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *linked_path = testee_path("linked"), *other = testee_path("other"), *ghost_path = testee_path("ghost");
    int linked = SYS(open(linked_path, O_RDWR | O_CREAT | O_EXCL, 0640));
    SYS(write(linked, "linked", 6));
    SYS(link(linked_path, other));
    replace(linked_path, "the next");
    int ghost = SYS(open(ghost_path, O_RDWR | O_CREAT | O_EXCL, 0640));
    SYS(write(ghost, "ghost", 5));
    replace(ghost_path, "the living");
    char *mapped_path = testee_path("mapped");
    int mapped = SYS(open(mapped_path, O_RDWR | O_CREAT | O_EXCL, 0640));
    SYS(write(mapped, "mapped", 6));
    char *shared = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, mapped, 0));
    char *private = SYS((char *)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, mapped, 0));
    SYS(close(mapped));
    replace(mapped_path, "the last");
    /* their names in /proc become others: the old ones are taken */
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    testee_ready();
    testee_wait();
    struct stat mine, there;
    SYS(fstat(linked, &mine));
    SYS(stat(other, &there));
    CHECK(mine.st_ino == there.st_ino && mine.st_nlink == 1, "the file and its other name are two");
    holds(linked, "linked");
    holds(ghost, "ghost");
    holds(SYS(open(linked_path, O_RDONLY)), "the next");
    holds(SYS(open(ghost_path, O_RDONLY)), "the living");
    CHECK(!strcmp(shared, "mapped") && !strcmp(private, "mapped"), "mapped are %s and %s", shared, private);
    shared[0] = 'M';
    CHECK(!strcmp(private, "Mapped"), "two mappings of one file are apart");
    holds(SYS(open(mapped_path, O_RDONLY)), "the last");
    SYS(fstat(ghost, &mine));
    CHECK(mine.st_nlink == 0, "the deleted one has %lu names", mine.st_nlink);
    testee_pass();
}
