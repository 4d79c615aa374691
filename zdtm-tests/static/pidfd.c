/* pidfds: of a child, of itself, of a zombie, of two processes that are gone, and of threads. */
#include <poll.h>
#include <pthread.h>
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

#define PIDFD_THREAD_ O_EXCL /* Linux 6.9 */

static volatile pid_t waiting;
static void *wait_for_signal(void *set) {
    int got;
    waiting = gettid();
    return (void *)(intptr_t)(sigwait(set, &got) == 0 ? got : 0);
}
static void *at_once_too(void *fd) {
    *(int *)fd = (int)syscall(SYS_pidfd_open, gettid(), PIDFD_THREAD_);
    return NULL;
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
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    PT(pthread_sigmask(SIG_BLOCK, &set, NULL));
    pthread_t thread, ending;
    PT(pthread_create(&thread, NULL, wait_for_signal, &set));
    while (!waiting) testee_sleep_ms(1);
    int of_gone_thread = -1, of_thread = (int)syscall(SYS_pidfd_open, waiting, PIDFD_THREAD_), of_first = -1;
    if (of_thread >= 0) {
        of_first = open_pidfd(getpid(), PIDFD_THREAD_ | O_NONBLOCK);
        PT(pthread_create(&ending, NULL, at_once_too, &of_gone_thread));
        PT(pthread_join(ending, NULL));
        while (!ended(of_gone_thread)) testee_sleep_ms(1);
    }
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
    if (of_thread >= 0) {
        CHECK(!ended(of_thread) && !ended(of_first) && ended(of_gone_thread), "which threads live");
        CHECK(fcntl(of_first, F_GETFL) == (O_RDWR | PIDFD_THREAD_ | O_NONBLOCK), "flags %#o", fcntl(of_first, F_GETFL));
        SYS(send_signal(of_thread, SIGUSR1));
        void *got;
        PT(pthread_join(thread, &got));
        CHECK((intptr_t)got == SIGUSR1, "the thread got %ld", (long)(intptr_t)got);
        struct pollfd p = {of_thread, POLLIN, 0};
        CHECK(SYS(poll(&p, 1, 10000)) == 1, "the thread has not ended");
    }
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
