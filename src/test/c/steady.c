/*
 * A target that notices every change: steady FILE THREADS [all].
 *
 * THREADS threads keep known values in all general and vector registers and compare them in a
 * loop; others sleep, read from a pipe and wait on a futex. `all`: every signal that a program
 * may catch has a handler, as in a Go program.
 *
 * FILE is mapped; its 64-bit words: 0 ready, 1 counter, 2 what is wrong (0: nothing), 3 handlers
 * run, 8+ a counter of each thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MOST 64

struct table {
    volatile uint64_t count;
    uint64_t general[14]; /* 8: rax rbx rcx rdx rsi rdi rbp r8 ... r14 */
    volatile uint64_t bad; /* 120 */
    uint8_t vector[15][32]; /* 128 */
} __attribute__((aligned(64)));

static volatile uint64_t *words;
static struct table tables[MOST];

/* Never returns. r15 is the table, ymm15 is spare, rsp is what it is. */
void hold(struct table *table);
asm(".globl hold\n"
    "hold:\n"
    "mov %rdi, %r15\n"
    "mov 8(%r15), %rax\n mov 16(%r15), %rbx\n mov 24(%r15), %rcx\n mov 32(%r15), %rdx\n"
    "mov 40(%r15), %rsi\n mov 48(%r15), %rdi\n mov 56(%r15), %rbp\n mov 64(%r15), %r8\n"
    "mov 72(%r15), %r9\n mov 80(%r15), %r10\n mov 88(%r15), %r11\n mov 96(%r15), %r12\n"
    "mov 104(%r15), %r13\n mov 112(%r15), %r14\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14\n"
    "vmovups 128+32*\\n(%r15), %ymm\\n\n"
    ".endr\n"
    "1: incq (%r15)\n"
    "cmp 8(%r15), %rax\n jne 2f\n cmp 16(%r15), %rbx\n jne 2f\n cmp 24(%r15), %rcx\n jne 2f\n"
    "cmp 32(%r15), %rdx\n jne 2f\n cmp 40(%r15), %rsi\n jne 2f\n cmp 48(%r15), %rdi\n jne 2f\n"
    "cmp 56(%r15), %rbp\n jne 2f\n cmp 64(%r15), %r8\n jne 2f\n cmp 72(%r15), %r9\n jne 2f\n"
    "cmp 80(%r15), %r10\n jne 2f\n cmp 88(%r15), %r11\n jne 2f\n cmp 96(%r15), %r12\n jne 2f\n"
    "cmp 104(%r15), %r13\n jne 2f\n cmp 112(%r15), %r14\n jne 2f\n"
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14\n"
    "vxorps 128+32*\\n(%r15), %ymm\\n, %ymm15\n vptest %ymm15, %ymm15\n jnz 2f\n"
    ".endr\n"
    "jmp 1b\n"
    "2: movq $1, 120(%r15)\n"
    "3: jmp 3b\n");

static void wrong(uint64_t what) {
    if (!words[2]) words[2] = what;
}

static void handler(int signal) {
    (void)signal;
    words[3]++;
}

static void check_signals(long blocked, const stack_t *stack) {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, NULL, &mask);
    for (int signal = 1; signal < 32; signal++)
        if (sigismember(&mask, signal) != (blocked >> signal & 1)) wrong(100 + signal);
    stack_t now;
    if (sigaltstack(NULL, &now)) wrong(140);
    if (now.ss_sp != stack->ss_sp || now.ss_size != stack->ss_size ||
        now.ss_flags != stack->ss_flags)
        wrong(141);
}

static void *holds(void *table) {
    hold(table);
    return NULL;
}

static int ends[2];
static uint32_t word;

static void *writes(void *counter) {
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, NULL);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGALRM);
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    for (uint8_t next = 0;; next++) {
        struct timespec t = {0, 300000};
        if (nanosleep(&t, NULL)) wrong(1);
        if (write(ends[1], &next, 1) != 1) wrong(2);
        check_signals(1L << SIGALRM, &stack);
        ++*(volatile uint64_t *)counter;
    }
    return NULL;
}

static void *reads(void *counter) {
    stack_t stack;
    sigaltstack(NULL, &stack);
    for (uint8_t next = 0;; next++) {
        uint8_t byte;
        if (read(ends[0], &byte, 1) != 1) wrong(3);
        if (byte != next) wrong(4);
        check_signals(1L << SIGUSR2, &stack);
        ++*(volatile uint64_t *)counter;
    }
    return NULL;
}

/* Nobody wakes it: each wait ends by its absolute timeout. */
static void *waits(void *counter) {
    for (;;) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_nsec += 2000000;
        if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
        long r = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &t, NULL, ~0);
        if (r != -1 || errno != ETIMEDOUT) wrong(5);
        ++*(volatile uint64_t *)counter;
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    int threads = atoi(argv[2]);
    int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
    if (fd < 0 || threads > MOST || ftruncate(fd, 4096)) return 3;
    words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (words == MAP_FAILED || pipe(ends)) return 4;
    if (!__builtin_cpu_supports("avx")) return 5;
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGUSR1, &action, NULL);
    for (int signal = 1; argc > 3 && signal < 32; signal++)
        if (signal != SIGSEGV && signal != SIGTRAP) sigaction(signal, &action, NULL);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR2);
    sigprocmask(SIG_SETMASK, &mask, NULL); /* a JVM's children inherit a blocked SIGQUIT */
    pthread_t id;
    for (int i = 0; i < threads; i++) {
        for (size_t n = offsetof(struct table, general); n < sizeof(tables[i]); n++)
            ((uint8_t *)&tables[i])[n] = (uint8_t)(n * 37 + i * 11 + 1);
        tables[i].bad = 0;
        pthread_create(&id, NULL, holds, &tables[i]);
    }
    pthread_create(&id, NULL, writes, (void *)&words[8 + threads]);
    pthread_create(&id, NULL, reads, (void *)&words[9 + threads]);
    pthread_create(&id, NULL, waits, (void *)&words[10 + threads]);
    for (;;) {
        struct timespec t = {0, 1000000};
        if (nanosleep(&t, NULL)) wrong(6);
        for (int i = 0; i < threads; i++) {
            words[8 + i] = tables[i].count;
            if (tables[i].bad) wrong(1000 + i);
        }
        words[1]++;
        words[0] = 1;
    }
}
