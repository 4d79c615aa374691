/* Small deleted files: shared by two descriptors, by a child, mapped; and one empty. */
#include "testee.h"

static int shared;
static int child(void *arg) {
    (void)arg;
    char got[8];
    for (;; testee_sleep_ms(2))
        if (pread(shared, got, 5, 20000) == 5) return !memcmp(got, "hello", 5) ? 0 : 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("data"), *data = malloc(20000), *got = malloc(20000);
    testee_fill(data, 20000, 1);
    shared = SYS(open(path, O_RDWR | O_CREAT | O_EXCL, 0640));
    int reader = SYS(open(path, O_RDONLY));
    SYS(write(shared, data, 20000));
    SYS(lseek(reader, 777, SEEK_SET));
    char *map = SYS((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0));
    SYS(unlink(path));
    char *empty_path = testee_path("empty");
    int empty = SYS(open(empty_path, O_RDWR | O_CREAT | O_EXCL, 0600));
    SYS(unlink(empty_path));
    pid_t pid = testee_child(child, NULL);
    testee_ready();
    testee_wait();
    CHECK(access(path, F_OK) && access(empty_path, F_OK), "a deleted file has a name");
    CHECK(pread(shared, got, 20000, 0) == 20000 && !memcmp(got, data, 20000), "contents differ");
    CHECK(read(reader, got, 100) == 100 && !memcmp(got, data + 777, 100), "the reader's place differs");
    struct stat st;
    SYS(fstat(shared, &st));
    CHECK(st.st_nlink == 0 && (st.st_mode & 0777) == 0640 && st.st_size == 20000, "links %lu mode %o size %ld",
          (unsigned long)st.st_nlink, st.st_mode, (long)st.st_size);
    SYS(pwrite(shared, "mapped", 6, 5000));
    CHECK(!memcmp(map + 5000, "mapped", 6), "file and mapping are two");
    SYS(pwrite(shared, "hello", 5, 20000));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child has another file");
    SYS(fstat(empty, &st));
    CHECK(st.st_size == 0 && write(empty, "x", 1) == 1, "the empty one");
    testee_pass();
}
