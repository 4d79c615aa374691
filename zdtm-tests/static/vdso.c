/* The vDSO works where it was, in a busy thread, too; monotonic time goes forward. */
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include "testee.h"

static volatile int go_on;

static void *busy(void *arg) {
    for (int64_t last = 0; !go_on;) {
        int64_t now = testee_now_ns(CLOCK_MONOTONIC);
        CHECK(now >= last, "monotonic time went back by %ld ns", last - now);
        last = now;
        struct timeval tv;
        gettimeofday(&tv, NULL);
    }
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE};
    int64_t before[4];
    unsigned long vdso = getauxval(AT_SYSINFO_EHDR);
    for (int i = 0; i < 4; i++) before[i] = testee_now_ns(clocks[i]);
    pthread_t thread;
    PT(pthread_create(&thread, NULL, busy, NULL));
    testee_ready();
    testee_wait();
    for (int i = 0; i < 4; i++) {
        int64_t past = testee_now_ns(clocks[i]) - before[i];
        CHECK(past >= 0 && past < 600000000000, "clock %d went %ld ns", clocks[i], past);
    }
    struct timespec raw;
    SYS(syscall(SYS_clock_gettime, CLOCK_REALTIME, &raw));
    int64_t apart = testee_now_ns(CLOCK_REALTIME) - (raw.tv_sec * 1000000000L + raw.tv_nsec);
    CHECK(apart >= 0 && apart < 1000000000, "the vDSO and the system call are %ld ns apart", apart);
    CHECK(getauxval(AT_SYSINFO_EHDR) == vdso && !memcmp((void *)vdso, "\177ELF", 4), "the vDSO is not at %#lx", vdso);
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_pass();
}
