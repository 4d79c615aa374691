/* Blocked reads of an eventfd, a timerfd that is not set, a signalfd and an inotify instance go on; so does sigsuspend. */
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include "testee.h"

enum { EVENT, TIMER, SIGNAL, WATCH, SUSPEND, COUNT };
static int fds[COUNT];
static volatile int handled, done[COUNT];

static void on_usr2(int sig) { handled = sig; }

static void *run(void *arg) {
    int i = (int)(long)arg;
    uint64_t words[64];
    struct signalfd_siginfo info;
    if (i == SUSPEND) {
        sigset_t mask;
        sigfillset(&mask);
        sigdelset(&mask, SIGUSR2);
        while (!handled) sigsuspend(&mask);
    } else {
        ssize_t n;
        do n = read(fds[i], words, sizeof words);
        while (n < 0 && errno == EINTR && i == WATCH); /* signal(7) allows it there */
        CHECK(n > 0, "read %d gave %zd: %s", i, n, strerror(errno));
        if (i == EVENT) CHECK(words[0] == 77, "the eventfd gave %lu", words[0]);
        if (i == TIMER) CHECK(words[0] == 1, "the timerfd gave %lu", words[0]);
        memcpy(&info, words, sizeof info);
        if (i == SIGNAL) CHECK(info.ssi_signo == SIGUSR1, "the signalfd gave %u", info.ssi_signo);
    }
    done[i] = 1;
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    sigaddset(&mask, SIGUSR2);
    SYS(sigprocmask(SIG_BLOCK, &mask, NULL));
    signal(SIGUSR2, on_usr2);
    sigdelset(&mask, SIGUSR2);
    char *path = testee_path("watched");
    SYS(close(SYS(open(path, O_WRONLY | O_CREAT, 0600))));
    fds[EVENT] = SYS(eventfd(0, 0));
    fds[TIMER] = SYS(timerfd_create(CLOCK_MONOTONIC, 0));
    fds[SIGNAL] = SYS(signalfd(-1, &mask, 0));
    fds[WATCH] = SYS(inotify_init1(0));
    SYS(inotify_add_watch(fds[WATCH], path, IN_MODIFY));
    pthread_t threads[COUNT];
    for (long i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)i));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    for (int i = 0; i < COUNT; i++) CHECK(!done[i], "waiter %d came back by itself", i);
    SYS(eventfd_write(fds[EVENT], 77));
    struct itimerspec soon = {.it_value.tv_nsec = 1000000};
    SYS(timerfd_settime(fds[TIMER], 0, &soon, NULL));
    PT(pthread_kill(threads[SIGNAL], SIGUSR1));
    PT(pthread_kill(threads[SUSPEND], SIGUSR2));
    int fd = SYS(open(path, O_WRONLY));
    SYS(write(fd, "x", 1));
    for (int i = 0; i < COUNT; i++) PT(pthread_join(threads[i], NULL));
    CHECK(handled == SIGUSR2, "the handler did not run");
    testee_pass();
}
