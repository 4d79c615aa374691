/* Two epoll instances that watch one eventfd with EPOLLEXCLUSIVE; an exclusive watch cannot be modified. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int event = SYS(eventfd(0, 0)), epolls[2];
    struct epoll_event e = {EPOLLIN | EPOLLEXCLUSIVE | EPOLLWAKEUP, {.u64 = 11}}, got;
    for (int i = 0; i < 2; i++) {
        epolls[i] = SYS(epoll_create1(0));
        e.data.u64 = 11 + i;
        SYS(epoll_ctl(epolls[i], EPOLL_CTL_ADD, event, &e));
    }
    testee_ready();
    testee_wait();
    for (int i = 0; i < 2; i++) CHECK(epoll_wait(epolls[i], &got, 1, 0) == 0, "instance %d tells of nothing", i);
    SYS(eventfd_write(event, 1));
    for (int i = 0; i < 2; i++) {
        CHECK(epoll_wait(epolls[i], &got, 1, 0) == 1 && got.data.u64 == 11u + i && got.events == EPOLLIN,
              "instance %d tells %#x of %lu", i, got.events, got.data.u64);
        e.events = EPOLLIN;
        CHECK(epoll_ctl(epolls[i], EPOLL_CTL_MOD, event, &e) < 0 && errno == EINVAL, "watch %d is not exclusive", i);
        SYS(epoll_ctl(epolls[i], EPOLL_CTL_DEL, event, NULL));
    }
    testee_pass();
}
