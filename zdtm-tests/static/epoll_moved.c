/* epoll watching a descriptor that was dup'ed away: closed under its number, open under another. */
#include <sys/epoll.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int epoll = SYS(epoll_create1(0)), p[2], q[2];
    SYS(pipe(p));
    SYS(pipe(q));
    struct epoll_event e = {EPOLLIN, {.u64 = 1}}, got[4];
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &e));
    e.data.u64 = 2;
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, q[0], &e));
    int copy = SYS(dup(p[0])), high = SYS(dup2(q[0], 200));
    SYS(close(p[0])); /* the watch goes on: the file is still open as `copy` */
    testee_ready();
    testee_wait();
    SYS(write(p[1], "x", 1));
    int n = SYS(epoll_wait(epoll, got, 4, 1000));
    CHECK(n == 1 && got[0].data.u64 == 1, "%d events", n);
    char byte;
    SYS(read(copy, &byte, 1));
    SYS(write(q[1], "y", 1));
    n = SYS(epoll_wait(epoll, got, 4, 1000));
    CHECK(n == 1 && got[0].data.u64 == 2, "%d events of the second", n);
    SYS(read(high, &byte, 1));
    CHECK(byte == 'y', "read %c", byte);
    testee_pass();
}
