#include "testee.h"

#include <stdarg.h>
#include <sys/prctl.h>

static const char *file;
static volatile sig_atomic_t stop;
static sigset_t outside; /* the mask with SIGTERM let in */

static void on_term(int sig) {
    (void)sig;
    stop = 1;
}

char *testee_path(const char *suffix) {
    char *path;
    if (asprintf(&path, "%s.%s", file, suffix) < 0) abort();
    return path;
}

/* Written under another name first: whoever sees the file sees all of it. */
static void put(const char *suffix, const char *text) {
    char *final = testee_path(suffix), *temporary = testee_path("tmp");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t length = strlen(text);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length || close(fd) || rename(temporary, final))
        _exit(3);
    free(final);
    free(temporary);
}

static _Noreturn void finish(const char *verdict, const char *fmt, va_list args, int status) {
    char reason[1024], line[1100];
    vsnprintf(reason, sizeof reason, fmt, args);
    snprintf(line, sizeof line, "%s: %s\n", verdict, reason);
    /* The first word counts: a child's verdict is not painted over by its parent's. */
    char *out = testee_path("out");
    if (access(out, F_OK)) put("out", line);
    _exit(status);
}

void testee_fail(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    finish("FAIL", fmt, args, 1);
}

void testee_skip(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    finish("SKIP", fmt, args, 0);
}

void testee_pass(void) {
    char *out = testee_path("out");
    if (access(out, F_OK)) put("out", "PASS\n");
    _exit(0);
}

void testee_init(int argc, char **argv) {
    if (argc < 2 || argv[1][0] != '/') {
        fprintf(stderr, "usage: %s /absolute/FILE\n", argv[0]);
        exit(2);
    }
    file = argv[1];
    switch (fork()) {
    case -1: perror("fork"); exit(2);
    case 0: break;
    default: _exit(0);
    }
    setsid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3; fd++) dup2(null, fd);
    syscall(SYS_close_range, 3U, ~0U, 0U);

    sigset_t term;
    sigemptyset(&term);
    sigprocmask(SIG_SETMASK, &term, NULL);
    for (int sig = 1; sig < 32; sig++) signal(sig, SIG_DFL);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &outside);
    testee_listen();
}

void testee_listen(void) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
}

void testee_ready(void) {
    char pid[16];
    snprintf(pid, sizeof pid, "%d\n", getpid());
    put("pid", pid);
    put("ready", "");
}

void testee_wait(void) {
    sigset_t mask;
    sigprocmask(SIG_BLOCK, NULL, &mask); /* what the testee blocked itself stays blocked */
    sigdelset(&mask, SIGTERM);
    while (!stop) sigsuspend(&mask);
}

int testee_go(void) {
    static int open_;
    if (!open_) {
        sigset_t term;
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_UNBLOCK, &term, NULL);
        open_ = 1;
    }
    return !stop;
}

pid_t testee_child(int (*fn)(void *), void *arg) {
    pid_t pid = SYS(fork());
    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        sigprocmask(SIG_SETMASK, &outside, NULL);
        _exit(fn(arg));
    }
    return pid;
}

int testee_idle(void *unused) {
    (void)unused;
    for (;;) pause();
}

void testee_reap(pid_t pid, int expected) {
    int status;
    SYS(kill(pid, SIGTERM));
    pid_t got = SYS(waitpid(pid, &status, 0));
    CHECK(got == pid && status == expected, "child %d ended with status %#x, not %#x", pid, status,
          expected);
}

/* xorshift64*: good enough that no page compresses or repeats. */
static uint64_t next(uint64_t *state) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1DULL;
}

static uint64_t start(uint64_t seed) {
    return seed * 0x9E3779B97F4A7C15ULL + 0x1234567;
}

void testee_fill(void *at, size_t bytes, uint64_t seed) {
    uint64_t state = start(seed);
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = next(&state);
        memcpy((char *)at + i, &word, bytes - i < 8 ? bytes - i : 8);
    }
}

ssize_t testee_differs(const void *at, size_t bytes, uint64_t seed) {
    uint64_t state = start(seed);
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = next(&state);
        if (memcmp((const char *)at + i, &word, bytes - i < 8 ? bytes - i : 8)) return (ssize_t)i;
    }
    return -1;
}

int64_t testee_now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

void testee_sleep_ms(int64_t ms) {
    int64_t until = testee_now_ns(CLOCK_MONOTONIC) + ms * 1000000;
    struct timespec t = {until / 1000000000, until % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

void testee_await(volatile int *flag, const char *what) {
    for (int i = 0; i < 10000; i++) {
        if (*flag) return;
        testee_sleep_ms(1);
    }
    testee_fail("timed out waiting for %s", what);
}

char testee_state(pid_t pid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return '?';
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return '?';
    text[n] = 0;
    char *end = strrchr(text, ')');
    return end && end[1] ? end[2] : '?';
}
