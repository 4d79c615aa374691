/* Dumped inside a handler that runs on the alternative stack; it must find its way back. */
#include "testee.h"

static volatile int handled;
static void on_usr1(int sig) {
    volatile uint64_t local[32];
    for (int i = 0; i < 32; i++) local[i] = i * 0x9e3779b9UL;
    testee_ready();
    while (testee_go()) testee_sleep_ms(2);
    for (int i = 0; i < 32; i++) CHECK(local[i] == i * 0x9e3779b9UL, "the handler's frame differs");
    stack_t now;
    SYS(sigaltstack(NULL, &now));
    CHECK(now.ss_flags == SS_ONSTACK, "not on the altstack, flags %#x", now.ss_flags);
    handled = sig;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    stack_t stack = {.ss_sp = malloc(64 << 10), .ss_size = 64 << 10}, now;
    SYS(sigaltstack(&stack, NULL));
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    SYS(sigaction(SIGUSR1, &action, NULL));
    volatile double x = 1.5;
    volatile uint64_t mark = 0x1234567890;
    raise(SIGUSR1);
    CHECK(handled == SIGUSR1 && mark == 0x1234567890 && x == 1.5, "the interrupted code differs");
    SYS(sigaltstack(NULL, &now));
    CHECK(now.ss_flags == 0 && now.ss_sp == stack.ss_sp, "altstack after return: flags %#x", now.ss_flags);
    sigset_t mask;
    SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
    CHECK(!sigismember(&mask, SIGUSR1), "SIGUSR1 stayed blocked");
    testee_pass();
}
