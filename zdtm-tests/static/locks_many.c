/* Three thousand POSIX locks on every other byte of a file, for reading and for writing in turns. */
/* dump: --file-locks */
/* restore: --file-locks */
#include <sys/wait.h>
#include "testee.h"

enum { LOCKS = 3000 };

static struct flock at(off_t byte, short type) {
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    const char *path = testee_path("locked");
    int fd = SYS(open(path, O_RDWR | O_CREAT, 0600));
    for (int i = 0; i < LOCKS; i++) {
        struct flock lock = at(2 * i, i % 2 ? F_RDLCK : F_WRLCK);
        SYS(fcntl(fd, F_SETLK, &lock));
    }
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
    testee_pass();
}
