/* All integer registers hold values in a spin loop that makes no call. */
#include "testee.h"

static volatile int stop;
static void on_term(int sig) {
    (void)sig;
    stop = 1;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
#ifdef __x86_64__
    struct sigaction action = {.sa_handler = on_term};
    SYS(sigaction(SIGTERM, &action, NULL));
    testee_ready();
    testee_go();
    uint64_t out[14] = {0}, *o = out;
    volatile int *flag = &stop;
    /* rsp and rip aside, every register carries a constant; the flag's and the array's addresses
       are pushed, and r15 holds the flag's. */
    __asm__ volatile(
        "sub $256, %%rsp\n\t" /* step over the red zone */
        "push %%rbp\n\tpush %%rbx\n\tpush %[o]\n\t"
        "mov %[flag], %%r15\n\t"
        "mov $0x1111111111111111, %%rax\n\tmov $0x2222222222222222, %%rbx\n\t"
        "mov $0x3333333333333333, %%rcx\n\tmov $0x4444444444444444, %%rdx\n\t"
        "mov $0x5555555555555555, %%rsi\n\tmov $0x6666666666666666, %%rdi\n\t"
        "mov $0x7777777777777777, %%rbp\n\tmov $0x8888888888888888, %%r8\n\t"
        "mov $0x9999999999999999, %%r9\n\tmov $0xaaaaaaaaaaaaaaaa, %%r10\n\t"
        "mov $0xbbbbbbbbbbbbbbbb, %%r11\n\tmov $0xcccccccccccccccc, %%r12\n\t"
        "mov $0xdddddddddddddddd, %%r13\n\tmov $0xeeeeeeeeeeeeeeee, %%r14\n\t"
        "1: pause\n\tcmpl $0, (%%r15)\n\tje 1b\n\t"
        "pop %%r15\n\t"
        "mov %%rax, 0(%%r15)\n\tmov %%rbx, 8(%%r15)\n\tmov %%rcx, 16(%%r15)\n\t"
        "mov %%rdx, 24(%%r15)\n\tmov %%rsi, 32(%%r15)\n\tmov %%rdi, 40(%%r15)\n\t"
        "mov %%rbp, 48(%%r15)\n\tmov %%r8, 56(%%r15)\n\tmov %%r9, 64(%%r15)\n\t"
        "mov %%r10, 72(%%r15)\n\tmov %%r11, 80(%%r15)\n\tmov %%r12, 88(%%r15)\n\t"
        "mov %%r13, 96(%%r15)\n\tmov %%r14, 104(%%r15)\n\t"
        "pop %%rbx\n\tpop %%rbp\n\tadd $256, %%rsp\n\t"
        :
        : [o] "r"(o), [flag] "r"(flag)
        : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
          "memory", "cc");
    for (int i = 0; i < 14; i++)
        CHECK(out[i] == 0x1111111111111111ULL * (i + 1), "register %d is %#lx", i, out[i]);
    testee_pass();
#else
    testee_skip("written for x86-64");
#endif
}
