/* Three thousand POSIX locks on every other byte of a file, in turns; locks of a directory, a deleted file, a memfd. */
/* dump: --file-locks */
/* restore: --file-locks */
#include <sys/file.h>
#include <sys/wait.h>
#include "testee.h"

enum { LOCKS = 3000 };

static struct flock at(off_t byte, short type) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

/* Whether another process may lock a byte of a file. */
static int is_free(int fd, off_t byte, short type) {
    pid_t pid = SYS(fork());
    if (!pid) {
        char self[64];
        snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
        int own = open(self, O_RDWR);
        struct flock lock = at(byte, type);
        _exit(own < 0 ? 2 : fcntl(own, F_SETLK, &lock) ? 1 : 0);
    }
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status <= 0x100, "the other process: %#x", status);
    return status == 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    const char *path = testee_path("locked");
    int fd = SYS(open(path, O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < LOCKS; i++) {
        struct flock lock = at(2 * i, i % 2 ? F_RDLCK : F_WRLCK);
        SYS(fcntl(fd, F_SETLK, &lock));
    }
    char *dir = testee_path("dir"), *gone = testee_path("gone");
    SYS(mkdir(dir, 0700));
    int directory = SYS(open(dir, O_RDONLY | O_DIRECTORY));
    SYS(flock(directory, LOCK_EX));
    int deleted = SYS(open(gone, O_RDWR | O_CREAT, 0600)), again = SYS(open(gone, O_RDWR)), memory = SYS(memfd_create("m", 0));
    SYS(unlink(gone));
    struct flock first = at(5, F_WRLCK), second = at(20, F_WRLCK), third = at(7, F_RDLCK);
    SYS(fcntl(deleted, F_SETLK, &first));
    SYS(fcntl(again, F_OFD_SETLK, &second));
    SYS(fcntl(memory, F_OFD_SETLK, &third));
    testee_ready();
    testee_wait();
    pid_t child = SYS(fork());
    if (!child) {
        for (int i = 0; i < LOCKS; i++) {
            struct flock held = at(2 * i, F_WRLCK), between = at(2 * i + 1, F_WRLCK);
            SYS(fcntl(fd, F_GETLK, &held));
            SYS(fcntl(fd, F_GETLK, &between));
            if (held.l_type != (i % 2 ? F_RDLCK : F_WRLCK) || held.l_pid != getppid() || held.l_len != 1) _exit(1);
            if (between.l_type != F_UNLCK) _exit(2);
        }
        _exit(0);
    }
    int status;
    SYS(waitpid(child, &status, 0));
    CHECK(status == 0, "the child found locks wrong: status %x", status);
    int other = SYS(open(dir, O_RDONLY));
    CHECK(flock(other, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "the directory is free");
    CHECK(!is_free(deleted, 5, F_RDLCK) && !is_free(deleted, 20, F_RDLCK), "the deleted file is free");
    CHECK(is_free(deleted, 6, F_WRLCK), "more of the deleted file is locked");
    CHECK(!is_free(memory, 7, F_WRLCK) && is_free(memory, 7, F_RDLCK) && is_free(memory, 8, F_WRLCK), "the memfd");
    testee_pass();
}
