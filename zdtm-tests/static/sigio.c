/* O_ASYNC: owners (a process, a thread, a group, another user's), signals, and the number that they tell. */
#include <sys/inotify.h>
#include "testee.h"

enum { REALTIME = 40 };

static int of_process[2], of_thread[2], of_group[2], of_user[2], quiet[2], by_default[2];

static void own(int fd, int type, pid_t pid, int signal) {
    struct f_owner_ex owner = {type, pid};
    SYS(fcntl(fd, F_SETOWN_EX, &owner));
    if (signal) SYS(fcntl(fd, F_SETSIG, signal));
    SYS(fcntl(fd, F_SETFL, SYS(fcntl(fd, F_GETFL)) | O_ASYNC));
}

static void owned(int fd, int type, pid_t pid, int signal, uid_t uid) {
    struct f_owner_ex owner;
    uid_t ids[2];
    SYS(fcntl(fd, F_GETOWN_EX, &owner));
    CHECK(((int)owner.type == type || !pid) && owner.pid == pid, "fd %d has the owner %d of type %d", fd, owner.pid, owner.type);
    CHECK(SYS(fcntl(fd, F_GETSIG)) == signal, "fd %d has the signal %d", fd, SYS(fcntl(fd, F_GETSIG)));
    SYS(fcntl(fd, 17 /* F_GETOWNER_UIDS */, ids));
    CHECK(ids[0] == uid && ids[1] == uid, "fd %d has the owner of user %d, %d", fd, ids[0], ids[1]);
    CHECK(SYS(fcntl(fd, F_GETFL)) & O_ASYNC, "fd %d is not O_ASYNC", fd);
}

static void told(int signal, int fd) {
    sigset_t set;
    siginfo_t info;
    struct timespec bound = {10, 0};
    sigemptyset(&set);
    sigaddset(&set, signal);
    CHECK(sigtimedwait(&set, &info, &bound) == signal, "no signal %d of fd %d", signal, fd);
    if (signal != SIGIO) CHECK(info.si_fd == fd, "the signal tells fd %d, not %d", info.si_fd, fd);
}

static void nothing_pending(void) {
    sigset_t set;
    SYS(sigpending(&set));
    CHECK(!sigismember(&set, SIGIO) && !sigismember(&set, REALTIME) && !sigismember(&set, SIGUSR1), "a signal that nobody caused");
}

static int deaf(void *unused) {
    signal(SIGIO, SIG_IGN); /* it is of the group, too */
    return testee_idle(unused);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGIO);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, REALTIME);
    SYS(sigprocmask(SIG_BLOCK, &set, NULL));
    pid_t child = testee_child(deaf, NULL);
    int root = geteuid() == 0;
    SYS(pipe(of_process));
    SYS(pipe(of_thread));
    SYS(pipe(of_group));
    SYS(pipe(of_user));
    SYS(pipe(quiet));
    SYS(pipe(by_default));
    int in = SYS(inotify_init1(IN_NONBLOCK)), file = SYS(creat(testee_path("file"), 0600));
    SYS(inotify_add_watch(in, testee_path("file"), IN_MODIFY));
    own(of_process[0], F_OWNER_PID, getpid(), REALTIME);
    own(of_thread[0], F_OWNER_TID, getpid(), SIGUSR1);
    own(of_group[0], F_OWNER_PGRP, getpgrp(), 0);
    own(in, F_OWNER_PID, getpid(), REALTIME);
    if (root) SYS(syscall(SYS_setresuid, 1, 1, 0));
    own(of_user[0], F_OWNER_PID, getpid(), SIGUSR1);
    if (root) SYS(syscall(SYS_setresuid, 0, 0, 0));
    SYS(fcntl(quiet[1], F_SETOWN, child));
    SYS(fcntl(by_default[0], F_SETFL, O_ASYNC | O_NONBLOCK)); /* and nobody to be told */
    uid_t me = getuid();
    testee_ready();
    testee_wait();
    nothing_pending();
    owned(of_process[0], F_OWNER_PID, getpid(), REALTIME, me);
    owned(of_thread[0], F_OWNER_TID, getpid(), SIGUSR1, me);
    owned(of_group[0], F_OWNER_PGRP, getpgrp(), 0, me);
    owned(in, F_OWNER_PID, getpid(), REALTIME, me);
    owned(of_user[0], F_OWNER_PID, getpid(), SIGUSR1, root ? 1 : me);
    owned(by_default[0], F_OWNER_TID, 0, 0, 0);
    CHECK(SYS(fcntl(quiet[1], F_GETOWN)) == child && !(SYS(fcntl(quiet[1], F_GETFL)) & O_ASYNC), "the quiet one");
    SYS(write(by_default[1], "x", 1));
    nothing_pending();
    SYS(write(of_process[1], "x", 1));
    told(REALTIME, of_process[0]);
    SYS(write(of_thread[1], "x", 1));
    told(SIGUSR1, of_thread[0]);
    SYS(write(of_group[1], "x", 1));
    told(SIGIO, of_group[0]);
    SYS(write(file, "x", 1));
    told(REALTIME, in);
    /* user 1 may not signal us, unless we are that user */
    SYS(write(of_user[1], "x", 1));
    if (root) nothing_pending();
    else told(SIGUSR1, of_user[0]);
    testee_reap(child, SIGTERM);
    testee_pass();
}
