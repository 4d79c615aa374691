/* epoll: level, edge, one-shot, exclusive data values; a nested epoll; pending readiness is kept. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int outer = SYS(epoll_create1(EPOLL_CLOEXEC)), inner = SYS(epoll_create1(0));
    int level = SYS(eventfd(1, 0)), edge = SYS(eventfd(0, 0)), shot = SYS(eventfd(0, 0)), deep = SYS(eventfd(0, 0));
    struct epoll_event e = {EPOLLIN, {.u64 = 0x1122334455667788}}, got[8];
    SYS(epoll_ctl(outer, EPOLL_CTL_ADD, level, &e));
    e = (struct epoll_event){EPOLLIN | EPOLLET, {.u64 = 2}};
    SYS(epoll_ctl(outer, EPOLL_CTL_ADD, edge, &e));
    e = (struct epoll_event){EPOLLIN | EPOLLONESHOT, {.u64 = 3}};
    SYS(epoll_ctl(outer, EPOLL_CTL_ADD, shot, &e));
    e = (struct epoll_event){EPOLLIN, {.u64 = 4}};
    SYS(epoll_ctl(outer, EPOLL_CTL_ADD, inner, &e));
    e = (struct epoll_event){EPOLLIN, {.u64 = 5}};
    SYS(epoll_ctl(inner, EPOLL_CTL_ADD, deep, &e));
    testee_ready();
    testee_wait();
    int n = SYS(epoll_wait(outer, got, 8, 1000));
    CHECK(n == 1 && got[0].data.u64 == 0x1122334455667788, "%d events, the first %#lx", n, got[0].data.u64);
    uint64_t one = 1, gone;
    SYS(read(level, &gone, 8));
    CHECK(SYS(epoll_wait(outer, got, 8, 0)) == 0, "something is ready that should not be");
    SYS(write(edge, &one, 8));
    CHECK(SYS(epoll_wait(outer, got, 8, 1000)) == 1 && got[0].data.u64 == 2, "no edge");
    CHECK(SYS(epoll_wait(outer, got, 8, 0)) == 0, "the edge came twice");
    SYS(write(shot, &one, 8));
    CHECK(SYS(epoll_wait(outer, got, 8, 1000)) == 1 && got[0].data.u64 == 3, "no shot");
    CHECK(SYS(epoll_wait(outer, got, 8, 0)) == 0, "the shot came twice");
    SYS(write(deep, &one, 8));
    CHECK(SYS(epoll_wait(outer, got, 8, 1000)) == 1 && got[0].data.u64 == 4, "nothing from inside");
    CHECK(SYS(epoll_wait(inner, got, 8, 0)) == 1 && got[0].data.u64 == 5, "nothing inside");
    testee_pass();
}
