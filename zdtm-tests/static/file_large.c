/* Beyond 4 GiB: positions, a mapping far into a file, a deleted file that is nearly all hole. */
#include "testee.h"

enum { HUGE_BITS = 33 };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    off_t far = (off_t)5 << HUGE_BITS;
    int named = SYS(open(testee_path("named"), O_RDWR | O_CREAT, 0600));
    int gone = SYS(open(testee_path("gone"), O_RDWR | O_CREAT, 0600));
    SYS(pwrite(named, "near", 4, far));
    SYS(lseek(named, far + 4, SEEK_SET));
    SYS(pwrite(gone, "first", 5, 0));
    SYS(pwrite(gone, "last", 4, far - 4));
    SYS(ftruncate(gone, far + 12345)); /* and a hole at the end */
    SYS(lseek(gone, far - 4, SEEK_SET));
    SYS(unlink(testee_path("gone")));
    char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, named, far);
    CHECK(map != MAP_FAILED, "mmap: %s", strerror(errno));
    char *hole = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, gone, far);
    CHECK(hole != MAP_FAILED, "mmap: %s", strerror(errno));
    struct stat before, after;
    SYS(fstat(gone, &before));
    testee_ready();
    testee_wait();
    char text[8] = "";
    CHECK(SYS(lseek(named, 0, SEEK_CUR)) == far + 4, "the position");
    CHECK(!memcmp(map, "near", 4), "the mapping");
    memcpy(map, "here", 4);
    CHECK(SYS(pread(named, text, 4, far)) == 4 && !strcmp(text, "here"), "the file is not what is mapped");
    CHECK(SYS(read(gone, text, 4)) == 4 && !strcmp(text, "last"), "the end of the deleted file: %s", text);
    CHECK(SYS(pread(gone, text, 5, 0)) == 5 && !strcmp(text, "first"), "its beginning: %s", text);
    SYS(fstat(gone, &after));
    CHECK(after.st_size == before.st_size, "it has %lld bytes", (long long)after.st_size);
    CHECK(after.st_blocks <= before.st_blocks, "it has %lld blocks, not %lld", (long long)after.st_blocks, (long long)before.st_blocks);
    CHECK(hole[0] == 0, "no hole");
    SYS(unlink(testee_path("named")));
    testee_pass();
}
