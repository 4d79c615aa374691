/* Twenty threads, each blocked in another system call, all wake as they should. */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include "testee.h"

static int pipes[20][2];
static volatile int woken[20];

static void *block(void *number_) {
    int n = (int)(intptr_t)number_, fd = pipes[n][0], r = -1;
    char byte = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    struct epoll_event event = {.events = EPOLLIN};
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    errno = 0;
    switch (n % 5) {
        case 0: r = (int)read(fd, &byte, 1); break;
        case 1: r = poll(&p, 1, -1); break;
        case 2: r = select(fd + 1, &set, NULL, NULL, NULL); break;
        case 3: {
            int e = epoll_create1(0);
            epoll_ctl(e, EPOLL_CTL_ADD, fd, &event);
            r = epoll_wait(e, &event, 1, 600000);
            break;
        }
        case 4: r = poll(&p, 1, 600000); break;
    }
    woken[n] = r == 1 ? 1 : errno ? -errno : -1000;
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[20];
    for (int i = 0; i < 20; i++) {
        SYS(pipe(pipes[i]));
        PT(pthread_create(&threads[i], NULL, block, (void *)(intptr_t)i));
    }
    testee_sleep_ms(200);
    testee_ready();
    testee_wait();
    testee_sleep_ms(50);
    for (int i = 0; i < 20; i++) CHECK(!woken[i], "thread %d woke too early: %d", i, woken[i]);
    for (int i = 0; i < 20; i++) SYS(write(pipes[i][1], "x", 1));
    for (int i = 0; i < 20; i++) {
        PT(pthread_join(threads[i], NULL));
        CHECK(woken[i] == 1, "thread %d: %d", i, woken[i]);
    }
    testee_pass();
}
