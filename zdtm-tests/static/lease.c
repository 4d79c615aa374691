/* Leases: for reading, for writing, through two descriptors; one that is being broken; who is told. */
/* dump: --file-locks */
/* restore: --file-locks */
#include "testee.h"

static int leased(const char *name, int flags, int lease) {
    int fd = SYS(open(testee_path(name), flags));
    SYS(fcntl(fd, F_SETSIG, SIGUSR1));
    SYS(fcntl(fd, F_SETLEASE, lease));
    return fd;
}

static void touch(const char *name) {
    SYS(close(SYS(creat(testee_path(name), 0600))));
}

static int told(void) {
    sigset_t set;
    siginfo_t info;
    struct timespec bound = {10, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    return sigtimedwait(&set, &info, &bound) == SIGUSR1 ? info.si_fd : -1;
}

static void breaks(const char *name, int flags) {
    int fd = open(testee_path(name), flags | O_NONBLOCK);
    CHECK(fd == -1 && errno == EWOULDBLOCK, "%s can be opened: %d", name, fd);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    touch("read");
    touch("write");
    touch("going");
    touch("down");
    touch("reader");
    int read = leased("read", O_RDONLY, F_RDLCK), write = leased("write", O_RDWR, F_WRLCK);
    int again = SYS(dup(write));
    int going = leased("going", O_RDWR, F_WRLCK), down = leased("down", O_RDWR, F_WRLCK);
    int reader = leased("reader", O_RDONLY, F_RDLCK);
    breaks("going", O_WRONLY);
    CHECK(told() == going, "no word of the first");
    breaks("down", O_RDONLY);
    CHECK(told() == down, "no word of the second");
    breaks("reader", O_RDWR);
    CHECK(told() == reader, "no word of the third");
    testee_ready();
    testee_wait();
    SYS(sigpending(&set));
    CHECK(!sigismember(&set, SIGUSR1), "told again of what was known");
    CHECK(SYS(fcntl(read, F_GETLEASE)) == F_RDLCK, "the read lease is %d", fcntl(read, F_GETLEASE));
    CHECK(SYS(fcntl(write, F_GETLEASE)) == F_WRLCK, "the write lease is %d", fcntl(write, F_GETLEASE));
    CHECK(SYS(fcntl(going, F_GETLEASE)) == F_UNLCK, "the first becomes %d", fcntl(going, F_GETLEASE));
    CHECK(SYS(fcntl(down, F_GETLEASE)) == F_RDLCK, "the second becomes %d", fcntl(down, F_GETLEASE));
    CHECK(SYS(fcntl(reader, F_GETLEASE)) == F_UNLCK, "the third becomes %d", fcntl(reader, F_GETLEASE));
    breaks("going", O_RDONLY);
    breaks("down", O_RDONLY);
    breaks("reader", O_WRONLY);
    SYS(fcntl(going, F_SETLEASE, F_UNLCK));
    SYS(close(SYS(open(testee_path("going"), O_RDWR | O_NONBLOCK))));
    SYS(close(down)); /* opened for writing, it cannot have a read lease */
    SYS(close(SYS(open(testee_path("down"), O_RDWR | O_NONBLOCK))));
    SYS(fcntl(reader, F_SETLEASE, F_UNLCK));
    SYS(close(SYS(open(testee_path("reader"), O_RDWR | O_NONBLOCK))));
    SYS(sigpending(&set));
    CHECK(!sigismember(&set, SIGUSR1), "told of what was broken before");
    SYS(close(SYS(open(testee_path("read"), O_RDONLY | O_NONBLOCK))));
    breaks("read", O_WRONLY);
    CHECK(told() == read, "no word of the read lease");
    breaks("write", O_RDONLY);
    CHECK(told() == write, "no word of the write lease");
    SYS(close(write));
    CHECK(SYS(fcntl(again, F_GETLEASE)) == F_RDLCK, "the other descriptor has no lease");
    SYS(fcntl(again, F_SETLEASE, F_UNLCK));
    testee_pass();
}
