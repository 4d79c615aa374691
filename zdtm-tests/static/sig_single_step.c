/* A program that sets the trap flag and so steps through itself, one SIGTRAP an instruction. */
#include "testee.h"

static volatile uint64_t steps, strange;
static void on_trap(int sig, siginfo_t *info, void *context) {
    (void)sig;
    (void)context;
    if (info->si_code == TRAP_TRACE) steps++;
    else strange++;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    /* Its own SIGTRAP is pending whenever it is looked at between two instructions. */
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    SYS(sigaction(SIGTRAP, &action, NULL));
    testee_ready();
    int more = testee_go();
    volatile uint64_t sum = 0;
    asm volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
    while (more) {
        for (uint64_t i = 0; i < 100; i++) sum += i;
        more = testee_go();
    }
    uint64_t before = steps;
    for (uint64_t i = 0; i < 100; i++) sum += i;
    uint64_t took = steps - before;
    asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
    CHECK(sum % 4950 == 0, "the sum is %lu", sum);
    CHECK(took >= 300 && took < 3000, "a loop of 100 took %lu steps", took);
    CHECK(strange == 0, "%lu traps that are no steps", strange);
    testee_pass();
}
