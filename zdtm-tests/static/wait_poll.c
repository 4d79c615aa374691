/* poll, ppoll, select, epoll_wait: blocked across the dump, woken by data afterwards. EINTR is allowed. ppoll with a
 * mask lets the signal in that it unblocks, and puts the mask of the thread back. */
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include "testee.h"

static int pipes[4][2];

static void *run(void *arg) {
    long how = (long)arg;
    int fd = pipes[how][0], n = -1, epoll = -1;
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
    if (how == 3) {
        epoll = SYS(epoll_create1(0));
        SYS(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
        memset(&event, 0, sizeof event);
    }
    do {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        fd_set set;
        FD_ZERO(&set);
        FD_SET(fd, &set);
        if (how == 0) n = poll(&p, 1, -1);
        if (how == 1) n = ppoll(&p, 1, NULL, NULL);
        if (how == 2) n = select(fd + 1, &set, NULL, NULL, NULL);
        if (how == 3) n = epoll_wait(epoll, &event, 1, -1);
        if (n == 1 && how < 2) CHECK(p.revents == POLLIN, "poll says %#x", p.revents);
    } while (n < 0 && errno == EINTR);
    CHECK(n == 1, "waiter %ld got %d: %s", how, n, strerror(errno));
    if (how == 3) CHECK(event.data.u64 == 77, "epoll data %lu", event.data.u64);
    char byte;
    CHECK(read(fd, &byte, 1) == 1 && byte == 'a' + how, "waiter %ld read %c", how, byte);
    return NULL;
}

static volatile int sent, handled;
static void on_usr1(int sig) {
    handled += sig == SIGUSR1 && sent;
}

static void *masked(void *arg) {
    sigset_t usr1, none, now;
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    PT(pthread_sigmask(SIG_BLOCK, &usr1, NULL));
    while (!handled) CHECK(ppoll(NULL, 0, NULL, &none) < 0 && errno == EINTR, "ppoll: %s", strerror(errno));
    PT(pthread_sigmask(SIG_BLOCK, NULL, &now));
    CHECK(handled == 1 && sigismember(&now, SIGUSR1), "handled %d, the mask was not put back", handled);
    return arg;
}

/* One timed poll after the other, so that a cycle comes in the middle of one however long it takes. */
static void *timed(void *arg) {
    int *ending = arg;
    do {
        int64_t begin = testee_now_ns(CLOCK_MONOTONIC);
        while (poll(NULL, 0, 4000) < 0) CHECK(errno == EINTR, "poll: %s", strerror(errno));
        CHECK(testee_now_ns(CLOCK_MONOTONIC) - begin >= 3999000000, "a timed poll came back early");
    } while (!__atomic_load_n(ending, __ATOMIC_ACQUIRE));
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[6];
    int ending = 0;
    signal(SIGUSR1, on_usr1);
    for (long i = 0; i < 4; i++) {
        SYS(pipe(pipes[i]));
        PT(pthread_create(&threads[i], NULL, run, (void *)i));
    }
    PT(pthread_create(&threads[4], NULL, timed, &ending));
    PT(pthread_create(&threads[5], NULL, masked, NULL));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    __atomic_store_n(&ending, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++) SYS(write(pipes[i][1], &"abcd"[i], 1));
    sent = 1;
    PT(pthread_kill(threads[5], SIGUSR1));
    for (int i = 0; i < 6; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
