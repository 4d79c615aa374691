/* epoll: what is watched is open only in a child; and a number that is another eventfd by now. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include "testee.h"

static int p[2];

static int child(void *go) {
    volatile int *s = go;
    while (!s[0]) testee_sleep_ms(2);
    char byte;
    s[1] = read(p[0], &byte, 1) == 1 && byte == 'x' ? 1 : -1;
    return testee_idle(NULL);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    volatile int *s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int epoll = SYS(epoll_create1(0));
    SYS(pipe(p));
    struct epoll_event e = {EPOLLIN, {.u64 = 1}}, got[4];
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, p[0], &e));
    pid_t pid = testee_child(child, (void *)s);
    SYS(close(p[0]));
    /* two eventfds under one number, one after the other; the first lives on as `first` */
    int number = SYS(eventfd(0, 0)), first = SYS(dup(number));
    e.data.u64 = 2;
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, number, &e));
    SYS(close(number));
    int again = SYS(eventfd(0, 0));
    if (again != number) SYS(dup2(again, number));
    e.data.u64 = 3;
    SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, number, &e));
    testee_ready();
    testee_wait();
    CHECK(SYS(epoll_wait(epoll, got, 4, 0)) == 0, "ready too early: %lu", (unsigned long)got[0].data.u64);
    uint64_t one = 1, gone;
    SYS(write(first, &one, 8));
    CHECK(SYS(epoll_wait(epoll, got, 4, 1000)) == 1 && got[0].data.u64 == 2, "not the first eventfd");
    SYS(read(first, &gone, 8));
    SYS(write(number, &one, 8));
    CHECK(SYS(epoll_wait(epoll, got, 4, 1000)) == 1 && got[0].data.u64 == 3, "not the second eventfd");
    SYS(read(number, &gone, 8));
    SYS(write(p[1], "x", 1));
    CHECK(SYS(epoll_wait(epoll, got, 4, 1000)) == 1 && got[0].data.u64 == 1, "not the child's pipe");
    s[0] = 1;
    testee_await(s + 1, "the child");
    CHECK(s[1] == 1, "the child read something else");
    CHECK(SYS(epoll_wait(epoll, got, 4, 0)) == 0, "ready after all");
    /* the second eventfd is still registered under its number */
    SYS(epoll_ctl(epoll, EPOLL_CTL_DEL, number, NULL));
    SYS(kill(pid, SIGKILL));
    int status;
    SYS(waitpid(pid, &status, 0));
    testee_pass();
}
