/* Alternative stacks of two threads: still set, and handlers run on them. */
#include <pthread.h>
#include "testee.h"

#define SIZE (64 << 10)

static __thread char *stack_low;
static __thread volatile int on_stack;
static volatile int go_on, set;

static void on_usr1(int sig) {
    (void)sig;
    char here;
    on_stack = &here > stack_low && &here < stack_low + SIZE;
}

static void use(void) {
    stack_t now;
    SYS(sigaltstack(NULL, &now));
    CHECK(now.ss_sp == stack_low && now.ss_size == SIZE && now.ss_flags == 0,
          "altstack is %p size %zu flags %#x", now.ss_sp, now.ss_size, now.ss_flags);
    PT(pthread_kill(pthread_self(), SIGUSR1));
    CHECK(on_stack, "the handler ran on another stack");
}

static void put(void) {
    stack_low = malloc(SIZE);
    stack_t stack = {.ss_sp = stack_low, .ss_size = SIZE};
    SYS(sigaltstack(&stack, NULL));
}

static void *run(void *arg) {
    put();
    set = 1;
    while (!go_on) testee_sleep_ms(5);
    use();
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    SYS(sigaction(SIGUSR1, &action, NULL));
    put();
    pthread_t thread;
    PT(pthread_create(&thread, NULL, run, NULL));
    testee_await(&set, "the thread");
    testee_ready();
    testee_wait();
    use();
    go_on = 1;
    PT(pthread_join(thread, NULL));
    testee_pass();
}
