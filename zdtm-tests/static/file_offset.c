/* A file's offset is shared by dup and fork, and not shared by a second open. */
#include "testee.h"

static int fd, copy, other;

static int child(void *arg) {
    (void)arg;
    for (;; testee_sleep_ms(2)) {
        off_t now = lseek(fd, 0, SEEK_CUR);
        if (now == 5000) return lseek(fd, 6000, SEEK_SET) == 6000 ? 0 : 1;
    }
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("data"), *data = malloc(10000), got[100];
    fd = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0640));
    testee_fill(data, 10000, 1);
    SYS(write(fd, data, 10000));
    SYS(lseek(fd, 1234, SEEK_SET));
    copy = SYS(dup2(fd, 77));
    other = SYS(open(path, O_RDONLY | O_CLOEXEC));
    SYS(lseek(other, 99, SEEK_SET));
    pid_t pid = testee_child(child, NULL);
    testee_ready();
    testee_wait();
    CHECK(lseek(copy, 0, SEEK_CUR) == 1234, "offset %ld", (long)lseek(copy, 0, SEEK_CUR));
    CHECK(read(copy, got, 100) == 100 && !memcmp(got, data + 1234, 100), "contents differ");
    CHECK(lseek(fd, 0, SEEK_CUR) == 1334, "dup no longer shares the offset");
    CHECK(lseek(other, 0, SEEK_CUR) == 99, "the second open shares the offset");
    SYS(lseek(fd, 5000, SEEK_SET));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0 && lseek(fd, 0, SEEK_CUR) == 6000, "fork no longer shares the offset");
    CHECK(write(other, "x", 1) < 0 && errno == EBADF, "a read-only descriptor writes");
    testee_pass();
}
