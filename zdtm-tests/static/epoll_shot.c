/* epoll: a one-shot watch that has fired stays silent, also for errors, until it is armed again. */
#include <sys/epoll.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    int epoll = SYS(epoll_create1(0)), p[2], q[2];
    SYS(pipe(p));
    SYS(pipe(q));
    struct epoll_event e = {EPOLLOUT | EPOLLONESHOT, {.u64 = 1}}, got[4];
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, p[1], &e));
    CHECK(SYS(epoll_wait(epoll, got, 4, 1000)) == 1, "it does not fire");
    e = (struct epoll_event){EPOLLIN | EPOLLONESHOT | EPOLLET, {.u64 = 2}};
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, q[0], &e));
    testee_ready();
    testee_wait();
    CHECK(SYS(epoll_wait(epoll, got, 4, 0)) == 0, "it fires again: %#x", got[0].events);
    SYS(close(p[0])); /* EPOLLERR for the write end */
    CHECK(SYS(epoll_wait(epoll, got, 4, 0)) == 0, "it fires for an error: %#x", got[0].events);
    SYS(write(q[1], "x", 1));
    CHECK(SYS(epoll_wait(epoll, got, 4, 1000)) == 1 && got[0].data.u64 == 2, "the armed one is lost");
    e = (struct epoll_event){EPOLLOUT | EPOLLONESHOT, {.u64 = 3}};
    SYS(epoll_ctl(epoll, EPOLL_CTL_MOD, p[1], &e));
    CHECK(SYS(epoll_wait(epoll, got, 4, 1000)) == 1 && got[0].data.u64 == 3, "armed again, it does not fire");
    testee_pass();
}
