/* pidfds: of a child, of itself, of the parent, of a zombie, and of two processes that are gone. */
#include <poll.h>
#include "testee.h"

static int open_pidfd(pid_t pid, int flags) { return SYS((int)syscall(SYS_pidfd_open, pid, flags)); }
static int send_signal(int fd, int signal) { return (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0); }
static int at_once(void *unused) {
    (void)unused;
    _exit(3);
}
static int ended(int fd) {
    struct pollfd p = {fd, POLLIN, 0};
    return SYS(poll(&p, 1, 0)) == 1;
}
static ino_t inode(int fd) {
    struct stat st;
    SYS(fstat(fd, &st));
    return st.st_ino;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t child = testee_child(testee_idle, NULL), zombie = testee_child(at_once, NULL);
    pid_t gone1 = testee_child(at_once, NULL), gone2 = testee_child(at_once, NULL);
    int of_child = open_pidfd(child, 0), copy = SYS(dup(of_child)), again = open_pidfd(child, O_NONBLOCK);
    int of_self = open_pidfd(getpid(), 0), of_zombie = open_pidfd(zombie, 0);
    int of_gone1 = open_pidfd(gone1, 0), also_gone1 = open_pidfd(gone1, 0), of_gone2 = open_pidfd(gone2, 0);
    siginfo_t info;
    SYS(waitid(P_PID, gone1, &info, WEXITED));
    SYS(waitid(P_PID, gone2, &info, WEXITED));
    SYS(waitid(P_PID, zombie, &info, WEXITED | WNOWAIT));
    int same = inode(of_gone1) == inode(also_gone1), differ = inode(of_gone1) != inode(of_gone2);
    testee_ready();
    testee_wait();
    CHECK(!ended(of_child) && !ended(of_self), "the living have ended");
    CHECK(ended(of_zombie) && ended(of_gone1) && ended(also_gone1) && ended(of_gone2), "the dead live");
    CHECK(send_signal(of_gone1, 0) < 0 && errno == ESRCH, "a dead process can be signalled");
    CHECK(send_signal(of_self, 0) == 0, "we cannot signal ourselves: %s", strerror(errno));
    CHECK((inode(of_gone1) == inode(also_gone1)) == same, "descriptors of one dead process");
    CHECK((inode(of_gone1) != inode(of_gone2)) == differ, "descriptors of two dead processes");
    CHECK(fcntl(again, F_GETFL) & O_NONBLOCK, "not non-blocking");
    CHECK(waitid(P_PIDFD, again, &info, WEXITED) < 0 && errno == EAGAIN, "the child is no child, or blocks");
    SYS(waitid(P_PIDFD, of_zombie, &info, WEXITED));
    CHECK(info.si_pid == zombie && info.si_status == 3, "the zombie: pid %d status %d", info.si_pid, info.si_status);
    SYS(send_signal(copy, SIGKILL));
    SYS(waitid(P_PIDFD, of_child, &info, WEXITED));
    CHECK(info.si_pid == child && info.si_status == SIGKILL, "the child: pid %d status %d", info.si_pid, info.si_status);
    CHECK(ended(again), "the child has not ended");
    testee_pass();
}
