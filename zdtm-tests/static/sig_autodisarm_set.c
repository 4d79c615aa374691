/* An alternative stack with SS_AUTODISARM that is set and not in use, of a thread. */
#include <pthread.h>
#include "testee.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
#define SIZE (64 << 10)

static volatile int set, go_on;
static void *run(void *arg) {
    stack_t stack = {.ss_sp = malloc(SIZE), .ss_size = SIZE, .ss_flags = (int)SS_AUTODISARM}, now;
    SYS(sigaltstack(&stack, NULL));
    set = 1;
    while (!go_on) testee_sleep_ms(2);
    SYS(sigaltstack(NULL, &now));
    CHECK(now.ss_sp == stack.ss_sp && now.ss_size == SIZE && now.ss_flags == stack.ss_flags, "%p flags %#x", now.ss_sp, now.ss_flags);
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    testee_await(&set, "the thread");
    testee_ready();
    testee_wait();
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_pass();
}
