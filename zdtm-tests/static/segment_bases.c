/* The gs base set by arch_prctl, of two threads; fs is checked by every use of errno. */
#include <asm/prctl.h>
#include <pthread.h>
#include "testee.h"

static volatile int go_on, set;

static void check(unsigned long want) {
    unsigned long now;
    SYS(syscall(SYS_arch_prctl, ARCH_GET_GS, &now));
    CHECK(now == want, "gs base is %#lx, not %#lx", now, want);
}

static void *run(void *arg) {
    uint64_t word = 0xfeedface, got;
    SYS(syscall(SYS_arch_prctl, ARCH_SET_GS, &word));
    set = 1;
    while (!go_on) testee_sleep_ms(3);
    check((unsigned long)&word);
    __asm__ volatile("mov %%gs:0, %0" : "=r"(got));
    CHECK(got == 0xfeedface, "gs:0 reads %#lx", got);
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x123456789000));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    testee_await(&set, "the thread");
    testee_ready();
    testee_wait();
    check(0x123456789000);
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_pass();
}
