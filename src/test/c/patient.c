/*
 * A busy tree that checks itself without end, to be dumped while it runs: patient [WORD] FILE.
 *
 * The root has two threads and these children: one that answers over pipes and shared memory, a
 * zombie, and a member of a process group whose leader has ended. It holds handlers, a POSIX timer,
 * a timerfd, and blocked signals that are pending for the process and for a thread.
 *
 * FILE is mapped; its 64-bit words are how a test looks inside:
 *   0 ready   1 rounds of the root   2 of the child   3, 4 of the threads   5 signals of the timer
 *   6 wrong answers   7, 8, 9 pids of answerer, zombie, member   128+ what was wrong first, as text
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BUFFER (64 << 10)
#define TICK (SIGRTMIN + 3)

static volatile uint64_t *words;

static void wrong(const char *format, ...) {
    if (__atomic_fetch_add(&words[6], 1, __ATOMIC_SEQ_CST) == 0) {
        va_list args;
        va_start(args, format);
        vsnprintf((char *)&words[128], 1024, format, args);
        va_end(args);
    }
    struct timespec t = {0, 100000000};
    nanosleep(&t, NULL);
}

static void pause_us(long us) {
    struct timespec t = {0, us * 1000};
    while (nanosleep(&t, &t) && errno == EINTR) {
    }
}

static uint64_t mix(uint64_t x) {
    x ^= x >> 33, x *= 0xff51afd7ed558ccdull, x ^= x >> 33;
    return x;
}

static void tick(int signal) {
    (void)signal;
    words[5]++;
}

static void idle(int signal) { (void)signal; }

static struct {
    _Atomic int turn;
    uint64_t value;
} *shared;

/* Waits for its turn in shared memory. Signals come to the root's first thread only: no EINTR. */
static void await_turn(int mine) {
    int now;
    while ((now = shared->turn) != mine) {
        long r = syscall(SYS_futex, &shared->turn, FUTEX_WAIT, now, NULL, NULL, 0);
        if (r && errno != EAGAIN) wrong("futex: %s", strerror(errno));
    }
}

static void give_turn(int other) {
    shared->turn = other;
    syscall(SYS_futex, &shared->turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* A buffer that is written with a pattern, left alone for a moment, and checked. */
static void *patterns(void *word) {
    volatile uint64_t *rounds = word;
    uint64_t *buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t seed = (uint64_t)rounds;
    int mine = rounds == &words[3] ? 0 : 1;
    for (;;) {
        seed++;
        double sum = 0;
        for (int i = 0; i < BUFFER / 8; i++) buffer[i] = mix(seed + i), sum += (double)(i & 15) * 0.5;
        await_turn(mine);
        if (mine == 1 && shared->value % 2 != 1) wrong("shared value %lu out of turn", shared->value);
        shared->value++;
        give_turn(mine ^ 1);
        for (int i = 0; i < BUFFER / 8; i++) {
            if (buffer[i] != mix(seed + i)) wrong("pattern of round %lu differs at %d", *rounds, i);
        }
        if (sum != BUFFER / 8 / 16 * 60.0) wrong("sum is %f", sum);
        ++*rounds;
        pause_us(300);
    }
    return NULL;
}

static uint64_t exchange(int fd, uint64_t value, int out) {
    ssize_t n = out ? write(fd, &value, 8) : read(fd, &value, 8);
    if (n != 8) wrong("%s: %zd, %s", out ? "write" : "read", n, strerror(errno));
    return value;
}

static pid_t answerer(int in, int out, uint64_t *common) {
    pid_t pid = fork();
    if (pid) return pid;
    for (;;) {
        uint64_t question = exchange(in, 0, 0);
        common[question % 512] = mix(question);
        exchange(out, question * 3 + 1, 1);
        words[2]++;
    }
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    int file = open(argv[argc - 1], O_RDWR | O_CREAT, 0600);
    if (file < 0 || ftruncate(file, 4096)) return 3;
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    uint64_t *common = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int to[2], from[2];
    if (words == MAP_FAILED || pipe(to) || pipe(from)) return 4;

    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigaddset(&mask, TICK);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    struct sigaction action = {.sa_handler = tick, .sa_flags = SA_RESTART};
    sigaction(TICK, &action, NULL);
    action.sa_handler = idle;
    sigaction(SIGUSR1, &action, NULL);
    signal(SIGPIPE, SIG_IGN);

    words[7] = answerer(to[0], from[1], common);
    pid_t zombie = fork();
    if (zombie == 0) _exit(3);
    words[8] = zombie;
    pid_t leader = fork();
    if (leader == 0) {
        setpgid(0, 0);
        pause();
    }
    setpgid(leader, leader);
    pid_t member = fork();
    if (member == 0) {
        setpgid(0, leader);
        for (;;) pause();
    }
    setpgid(member, leader);
    words[9] = member;
    kill(leader, SIGKILL);
    waitpid(leader, NULL, 0);

    kill(getpid(), SIGUSR2);
    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2);
    pthread_t thread;
    pthread_create(&thread, NULL, patterns, (void *)&words[3]);
    pthread_create(&thread, NULL, patterns, (void *)&words[4]);
    sigemptyset(&mask);
    sigaddset(&mask, TICK);
    pthread_sigmask(SIG_UNBLOCK, &mask, NULL);

    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = TICK};
    struct itimerspec often = {{0, 10000000}, {0, 10000000}};
    timer_create(CLOCK_MONOTONIC, &event, &timer);
    timer_settime(timer, 0, &often, NULL);
    int clock = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    timerfd_settime(clock, 0, &often, NULL);

    uint64_t question = 0, answered = 0, ticks = 0;
    struct timespec last;
    clock_gettime(CLOCK_MONOTONIC, &last);
    words[0] = 1;
    for (;;) {
        question++;
        exchange(to[1], question, 1);
        answered = exchange(from[0], 0, 0);
        if (answered != question * 3 + 1) wrong("%lu was answered by %lu", question, answered);
        if (common[question % 512] != mix(question)) wrong("shared memory does not hold %lu", question);
        uint64_t expired;
        if (read(clock, &expired, 8) == 8) ticks += expired;
        else if (errno != EAGAIN) wrong("timerfd: %s", strerror(errno));
        if (question % 1024 == 0) {
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            if (now.tv_sec - last.tv_sec > 1) {
                if (ticks == 0) wrong("the timerfd stands still");
                ticks = 0;
                last = now;
            }
            if (waitpid(words[9], NULL, WNOHANG) != 0) wrong("the member of the lost group is gone");
            sigset_t pending;
            sigpending(&pending);
            if (!sigismember(&pending, SIGUSR2)) wrong("the pending signal is lost");
        }
        words[1]++;
        pause_us(100);
    }
}
