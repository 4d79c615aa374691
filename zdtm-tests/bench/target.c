/*
 * The processes that scripts/bench dumps: target /FILE KIND
 *
 *   idle          a small process, asleep
 *   tree N        N processes in three levels, ten of them in the middle, all asleep
 *   threads N     N threads, asleep
 *   vmas N        N mappings of one written page each
 *   private MB    that much private random memory
 *   shared MB N   that much shared random memory, mapped by N tasks
 *
 * All verify their memory's checksum (each task its own) on SIGTERM.
 */
#include <pthread.h>
#include "testee.h"

static char *memory;
static size_t bytes;
static uint64_t sum;

/* Position-dependent, one pass, so pages that swap places are seen. */
static uint64_t checksum(void) {
    uint64_t s = 0;
    for (size_t i = 0; i < bytes / 8; i++) s = (s ^ ((uint64_t *)memory)[i]) * 0x9E3779B97F4A7C15ULL + 1;
    return s;
}

static volatile int *go_on;

static int verifier(void *arg) {
    /* The first pass also puts every page into this task's page table. */
    int bad = checksum() != sum;
    __sync_fetch_and_add(&go_on[1], 1);
    while (!*go_on) pause();
    return bad || checksum() != sum || arg;
}

static void on_usr1(int sig) {
    (void)sig;
}

static void *sleeper(void *arg) {
    for (;;) pause();
    return arg;
}

static int middle(void *arg) {
    for (long i = 0; i < (long)arg; i++) testee_child(testee_idle, NULL);
    return testee_idle(NULL);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *kind = argv[2];
    long n = argc > 3 ? atol(argv[3]) : 0, tasks = argc > 4 ? atol(argv[4]) : 1;
    testee_init(argc, argv);
    signal(SIGUSR1, on_usr1);
    pid_t children[128];
    int count = 0;
    if (!strcmp(kind, "tree")) {
        for (long i = 0; i < 10; i++) children[count++] = testee_child(middle, (void *)(n / 10 - (i ? 1 : 2)));
        testee_sleep_ms(200);
    } else if (!strcmp(kind, "threads")) {
        pthread_t thread;
        for (long i = 1; i < n; i++) PT(pthread_create(&thread, NULL, sleeper, NULL));
    } else if (!strcmp(kind, "vmas")) {
        for (long i = 0; i < n; i++) {
            char *m = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            testee_fill(m, PAGE, i);
            /* Alternating protections keep neighbours apart. */
            if (i % 2) SYS(mprotect(m, PAGE, PROT_READ));
        }
    } else if (!strcmp(kind, "private") || !strcmp(kind, "shared")) {
        int shared = kind[0] == 's';
        bytes = (size_t)n << 20;
        go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
        memory = SYS((char *)mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                  (shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0));
        testee_fill(memory, bytes, n);
        sum = checksum();
        for (long i = 1; i < tasks; i++) {
            children[count++] = testee_child(verifier, NULL);
        }
        while (go_on[1] < count) testee_sleep_ms(5);
    }
    testee_ready();
    testee_wait();
    if (bytes) CHECK(checksum() == sum, "the memory differs");
    if (go_on) *go_on = 1;
    for (int i = 0; i < count; i++) {
        int status;
        if (go_on) {
            while (waitpid(children[i], &status, WNOHANG) == 0) {
                kill(children[i], SIGUSR1);
                testee_sleep_ms(10);
            }
            CHECK(status == 0, "task %d sees other memory", i);
        } else {
            CHECK(kill(children[i], 0) == 0, "child %d is gone", i);
        }
    }
    testee_pass();
}
