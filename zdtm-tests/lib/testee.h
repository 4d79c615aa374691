/*
 * The little frame every testee stands in.
 *
 *   testee_init(argc, argv)   detach: own session, stdio on /dev/null, no other descriptor
 *   ... set up ...
 *   testee_ready()            FILE.pid, then FILE.ready; the harness may dump us from here on
 *   testee_wait()             until SIGTERM (or `while (testee_go())` to stay busy)
 *   ... check ...
 *   testee_pass()             FILE.out says PASS, FAIL: reason or SKIP: reason
 *
 * FILE is argv[1], an absolute path. No descriptor of the frame stays open, so what a testee
 * holds is what it opened itself.
 */
#ifndef TESTEE_H
#define TESTEE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL

void testee_init(int argc, char **argv);
void testee_ready(void);
void testee_wait(void);
/* True until SIGTERM came. The first call lets SIGTERM in. */
int testee_go(void);
_Noreturn void testee_pass(void);
_Noreturn void testee_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void testee_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "FILE.suffix", a scratch path of this testee; a fresh allocation. */
char *testee_path(const char *suffix);

/* A child that runs fn(arg) and exits with its result; the frame's SIGTERM handling is off. */
pid_t testee_child(int (*fn)(void *), void *arg);
/* In a child: SIGTERM ends testee_wait and testee_go there, too. */
void testee_listen(void);
/* Sleeps until killed; for children that have nothing else to do. */
int testee_idle(void *unused);
/* SIGTERMs the child and expects this wait status. */
void testee_reap(pid_t pid, int expected_status);

/* A reproducible stream: fill, and the offset of the first wrong byte or -1. */
void testee_fill(void *at, size_t bytes, uint64_t seed);
ssize_t testee_differs(const void *at, size_t bytes, uint64_t seed);

int64_t testee_now_ns(clockid_t clock);
void testee_sleep_ms(int64_t ms);
/* Spins (sleeping) until *flag is not zero; fails after ten seconds. */
void testee_await(volatile int *flag, const char *what);
/* State letter of a task in /proc/PID/stat; '?' if there is none. */
char testee_state(pid_t pid);

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (!(cond)) testee_fail(__VA_ARGS__);                                                     \
    } while (0)

/* The value of a libc call, or the end of the testee with the call's text and errno. */
#define SYS(call)                                                                                  \
    ({                                                                                             \
        __typeof__(call) result_ = (call);                                                         \
        if ((intptr_t)result_ == -1)                                                               \
            testee_fail("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(errno));              \
        result_;                                                                                   \
    })

/* The same for pthread_*, which return the error. */
#define PT(call)                                                                                   \
    do {                                                                                           \
        int error_ = (call);                                                                       \
        if (error_) testee_fail("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(error_));     \
    } while (0)

#endif
