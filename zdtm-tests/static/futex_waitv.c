/* futex_waitv(2) on three words of both kinds, and FUTEX_WAIT_BITSET, across the dump; each is woken by its own. */
#include <linux/futex.h>
#include <pthread.h>
#include "testee.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef FUTEX_32
struct futex_waitv {
    uint64_t val, uaddr;
    uint32_t flags, reserved;
};
#define FUTEX_32 2
#endif

static uint32_t words[3], bits;
static uint32_t *shared;
static volatile int waiting;

static void *waits(void *arg) {
    struct futex_waitv all[3] = {{0, (uintptr_t)&words[0], FUTEX_32 | FUTEX_PRIVATE_FLAG, 0},
                                 {0, (uintptr_t)shared, FUTEX_32, 0},
                                 {0, (uintptr_t)&words[2], FUTEX_32 | FUTEX_PRIVATE_FLAG, 0}};
    int64_t until = testee_now_ns(CLOCK_MONOTONIC) + 600000000000;
    struct timespec t = {until / 1000000000, until % 1000000000};
    __sync_fetch_and_add(&waiting, 1);
    long n = syscall(SYS_futex_waitv, all, 3, 0, &t, CLOCK_MONOTONIC);
    CHECK((n == 1 || (n < 0 && errno == EAGAIN)) && *shared == 1, "futex_waitv: %ld, %s", n, strerror(errno));
    return arg;
}

static void *waits_for_bit(void *arg) {
    __sync_fetch_and_add(&waiting, 1);
    long n = syscall(SYS_futex, &bits, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0x10);
    CHECK((n == 0 || errno == EAGAIN) && bits == 1, "FUTEX_WAIT_BITSET: %ld, %s", n, strerror(errno));
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    shared = SYS((uint32_t *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) < 0 && errno == ENOSYS) testee_skip("this kernel has no futex_waitv");
    pthread_t threads[2];
    PT(pthread_create(&threads[0], NULL, waits, NULL));
    PT(pthread_create(&threads[1], NULL, waits_for_bit, NULL));
    while (waiting < 2) testee_sleep_ms(1);
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    CHECK(syscall(SYS_futex, &bits, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0x0f) == 0, "another bit wakes it");
    *shared = bits = 1;
    SYS(syscall(SYS_futex, shared, FUTEX_WAKE, 1, NULL, NULL, 0));
    SYS(syscall(SYS_futex, &bits, FUTEX_WAKE_BITSET | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0x30));
    for (int i = 0; i < 2; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
