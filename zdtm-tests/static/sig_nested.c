/* Dumped three handlers deep, each with another mask and other floating point values; each finds its way back. */
#include "testee.h"

static volatile int depth;
static double values[3];

static void on_signal(int sig) {
    int mine = depth++;
    volatile double value = 1.0 / (3 + mine);
    volatile uint64_t mark = 0x1111111111111111ULL * (uint64_t)(mine + 1);
    if (mine < 2) raise(sig + 1);
    else {
        testee_ready();
        while (testee_go()) testee_sleep_ms(2);
    }
    CHECK(mark == 0x1111111111111111ULL * (uint64_t)(mine + 1) && value == 1.0 / (3 + mine), "the frame of handler %d differs", mine);
    sigset_t mask;
    SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
    for (int i = 0; i < 3; i++)
        CHECK(sigismember(&mask, SIGRTMIN + i) == (i <= mine && i != 1), "in handler %d, signal %d is %sblocked", mine, i,
              sigismember(&mask, SIGRTMIN + i) ? "" : "not ");
    CHECK(sigismember(&mask, SIGUSR1) == (mine >= 1), "in handler %d, SIGUSR1", mine);
    values[mine] = value;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    for (int i = 0; i < 3; i++) {
        struct sigaction action = {.sa_handler = on_signal, .sa_flags = i == 1 ? SA_NODEFER : 0};
        if (i == 1) sigaddset(&action.sa_mask, SIGUSR1);
        SYS(sigaction(SIGRTMIN + i, &action, NULL));
    }
    raise(SIGRTMIN);
    CHECK(depth == 3 && values[0] == 1.0 / 3 && values[1] == 0.25 && values[2] == 0.2, "%d handlers came back", depth);
    sigset_t mask;
    SYS(sigprocmask(SIG_BLOCK, NULL, &mask));
    for (int i = 0; i < 3; i++) CHECK(!sigismember(&mask, SIGRTMIN + i), "signal %d stayed blocked", i);
    CHECK(!sigismember(&mask, SIGUSR1), "SIGUSR1 stayed blocked");
    testee_pass();
}
