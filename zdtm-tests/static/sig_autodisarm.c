/* An alternative stack with SS_AUTODISARM: dumped while a handler runs on it, when the thread has none. */
#include "testee.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif
#define SIZE (64 << 10)

static volatile int handled, again;
static char *stack_low;

static void on_usr1(int sig) {
    char here;
    handled += &here > stack_low && &here < stack_low + SIZE;
    if (again++) return;
    testee_ready();
    while (testee_go()) testee_sleep_ms(2);
    stack_t now;
    SYS(sigaltstack(NULL, &now));
    CHECK(now.ss_flags == SS_DISABLE, "in the handler: flags %#x", now.ss_flags);
    (void)sig;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    stack_low = malloc(SIZE);
    stack_t stack = {.ss_sp = stack_low, .ss_size = SIZE, .ss_flags = (int)SS_AUTODISARM}, now;
    SYS(sigaltstack(&stack, NULL));
    struct sigaction action = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};
    SYS(sigaction(SIGUSR1, &action, NULL));
    raise(SIGUSR1);
    SYS(sigaltstack(NULL, &now));
    CHECK(now.ss_sp == stack_low && now.ss_size == SIZE && now.ss_flags == (int)SS_AUTODISARM, "after it: %p flags %#x", now.ss_sp, now.ss_flags);
    raise(SIGUSR1);
    CHECK(handled == 2, "%d handlers of 2 ran on it", handled);
    testee_pass();
}
