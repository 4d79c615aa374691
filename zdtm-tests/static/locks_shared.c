/* Locks among tasks: POSIX of several and of a shared table, flock and OFD of a shared description; waiters. */
/* dump: --file-locks */
/* restore: --file-locks */
#include <sched.h>
#include <sys/file.h>
#include "testee.h"

enum { SET = F_SETLK, OFD = F_OFD_SETLK };

static char *posix, *whole, *ofd;
static int posix_fd, whole_fd, ofd_fd;
static struct {
    volatile int taken, release, released, go;
    pid_t shared_table;
} *talk;

static int lock(int fd, int command, short type, off_t start, off_t length) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
    return fcntl(fd, command, &lock);
}

static void refused(int fd, int command, short type, off_t start, const char *what) {
    CHECK(lock(fd, command, type, start, 1) == -1 && (errno == EAGAIN || errno == EACCES), "%s: byte %ld is free", what, (long)start);
}

/* Who would be in the way of a write lock: 0 for nobody, -1 for an open file description. */
static pid_t holder(off_t start) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = 1};
    SYS(fcntl(posix_fd, F_GETLK, &lock));
    return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

static void created(const char *path) {
    SYS(close(SYS(creat(path, 0600))));
}

/* Has POSIX locks of its own, and the descriptions of its parent. */
static int member(void *unused) {
    (void)unused;
    pid_t parent = getppid();
    int own = SYS(open(posix, O_RDWR));
    SYS(lock(own, SET, F_WRLCK, 20, 10));
    SYS(lock(own, SET, F_RDLCK, 40, 10));
    talk->taken++;
    while (!talk->release) testee_sleep_ms(1);
    CHECK(holder(0) == parent, "byte 0 is %d's, not the parent's", holder(0));
    CHECK(holder(9) == parent && holder(10) == 0, "the parent's lock has another end");
    CHECK(holder(40) == parent, "byte 40 is %d's, not the parent's", holder(40));
    CHECK(holder(60) == talk->shared_table, "byte 60 is %d's, not %d's", holder(60), talk->shared_table);
    refused(own, SET, F_RDLCK, 5, "the parent's lock");
    SYS(lock(ofd_fd, OFD, F_UNLCK, 0, 10)); /* the parent's, too: it is the description's */
    talk->released = 1;
    while (!talk->go) testee_sleep_ms(1);
    return 0;
}

/* Has the descriptor table of its parent, hence its POSIX locks. */
static int sharing(void *unused) {
    (void)unused;
    SYS(lock(posix_fd, SET, F_WRLCK, 60, 10));
    talk->taken++;
    while (!talk->go) testee_sleep_ms(1);
    return 0;
}

static int waiter(void *unused) {
    (void)unused;
    talk->taken++;
    SYS(lock(posix_fd, F_SETLKW, F_WRLCK, 5, 1));
    return 0;
}

static int flock_waiter(void *unused) {
    (void)unused;
    int own = SYS(open(whole, O_RDWR));
    talk->taken++;
    SYS(flock(own, LOCK_EX));
    return 0;
}

static void expect_exit(pid_t pid, const char *who) {
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the %s ended with status %#x", who, status);
}

static void blocks(pid_t pid) {
    for (int i = 0; testee_state(pid) != 'S'; i++) {
        CHECK(i < 10000, "a waiter does not wait");
        testee_sleep_ms(1);
    }
}

int main(int argc, char **argv) {
    static char stack[64 << 10] __attribute__((aligned(16)));
    testee_init(argc, argv);
    talk = SYS(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    created(posix = testee_path("posix"));
    created(whole = testee_path("flock"));
    created(ofd = testee_path("ofd"));
    posix_fd = SYS(open(posix, O_RDWR));
    whole_fd = SYS(open(whole, O_RDWR));
    ofd_fd = SYS(open(ofd, O_RDWR));
    SYS(flock(whole_fd, LOCK_EX));
    SYS(lock(ofd_fd, OFD, F_WRLCK, 0, 10));
    SYS(lock(ofd_fd, OFD, F_RDLCK, 20, 0));
    SYS(lock(posix_fd, SET, F_WRLCK, 0, 10));
    SYS(lock(posix_fd, SET, F_RDLCK, 40, 20));
    pid_t a = testee_child(member, NULL);
    while (talk->taken < 1) testee_sleep_ms(1);
    pid_t w = testee_child(waiter, NULL), f = testee_child(flock_waiter, NULL);
    while (talk->taken < 3) testee_sleep_ms(1);
    blocks(w);
    blocks(f);
    pid_t b = SYS(clone(sharing, stack + sizeof stack, CLONE_FILES | SIGCHLD, NULL));
    talk->shared_table = b;
    for (int i = 0; talk->taken < 4; i++) {
        CHECK(i < 10000, "no lock in the shared table");
        testee_sleep_ms(1);
    }
    testee_ready();
    testee_wait();
    CHECK(holder(20) == a && holder(29) == a && holder(30) == 0, "byte 20 is %d's, not %d's", holder(20), a);
    CHECK(holder(40) == a && holder(50) == 0, "byte 40 is %d's, too, not %d's", holder(40), a);
    CHECK(holder(60) == 0, "byte 60 is not this table's");
    refused(posix_fd, SET, F_WRLCK, 45, "a read lock of two");
    blocks(w);
    blocks(f);
    int other = SYS(open(ofd, O_RDWR)), again = SYS(open(whole, O_RDWR));
    refused(other, OFD, F_RDLCK, 5, "the OFD lock");
    refused(other, OFD, F_WRLCK, 1000, "the OFD read lock");
    SYS(lock(other, OFD, F_RDLCK, 1000, 1));
    CHECK(flock(again, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK, "no flock any more");
    SYS(close(again));
    talk->release = 1;
    for (int i = 0; !talk->released; i++) {
        CHECK(i < 20000 && waitpid(a, NULL, WNOHANG) == 0, "the member does not answer");
        testee_sleep_ms(1);
    }
    SYS(lock(other, OFD, F_WRLCK, 0, 10));
    SYS(close(whole_fd)); /* b has this table, a a copy of its own */
    blocks(f);
    SYS(lock(posix_fd, SET, F_UNLCK, 0, 10));
    expect_exit(w, "waiter");
    talk->go = 1;
    expect_exit(a, "member");
    expect_exit(b, "one with the same table");
    testee_reap(f, SIGTERM);
    testee_pass();
}
