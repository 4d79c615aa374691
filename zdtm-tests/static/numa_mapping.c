/* NUMA policies of mappings: mbind, private and shared, beside one of the thread. */
#include "testee.h"

enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL, PREFERRED_MANY, WEIGHTED_INTERLEAVE };
enum { STATIC_NODES = 1 << 15, RELATIVE_NODES = 1 << 14, ADDR = 2 };
static const int modes[] = {DEFAULT, BIND, PREFERRED | STATIC_NODES, INTERLEAVE | RELATIVE_NODES, LOCAL,
                            PREFERRED_MANY, WEIGHTED_INTERLEAVE, BIND | STATIC_NODES, DEFAULT};
#define COUNT (sizeof modes / sizeof *modes)

static void policy_of(void *at, int *mode, unsigned long *nodes) {
    memset(nodes, 0, 128);
    SYS(syscall(SYS_get_mempolicy, mode, nodes, 1024, at, ADDR));
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    unsigned long node = 1, nodes[COUNT + 1][16], now[16];
    int mode[COUNT + 1], mode_now;
    if (syscall(SYS_get_mempolicy, &mode_now, NULL, 0, NULL, 0) < 0 && errno == ENOSYS) testee_skip("no NUMA in this kernel");
    SYS(syscall(SYS_set_mempolicy, PREFERRED, &node, 64)); /* what the default ones seem to have */
    char *area = SYS((char *)mmap(NULL, 4 * COUNT * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    char *at[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++) {
        at[i] = area + 4 * i * PAGE;
        *at[i] = 1;
        unsigned long *mask = modes[i] == DEFAULT || modes[i] == LOCAL ? NULL : &node;
        if (syscall(SYS_mbind, at[i], 2 * PAGE, modes[i], mask, mask ? 64 : 0, 0) < 0)
            CHECK(errno == EINVAL && (modes[i] == PREFERRED_MANY || modes[i] == WEIGHTED_INTERLEAVE), "mbind %#x: %m", modes[i]);
    }
    at[COUNT] = SYS((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SYS(syscall(SYS_mbind, at[COUNT], 4 * PAGE, BIND, &node, 64, 0));
    for (size_t i = 0; i <= COUNT; i++) policy_of(at[i], &mode[i], nodes[i]);
    testee_ready();
    testee_wait();
    for (size_t i = 0; i <= COUNT; i++) {
        policy_of(at[i], &mode_now, now);
        CHECK(mode_now == mode[i], "mapping %zu has the policy %#x, not %#x", i, mode_now, mode[i]);
        CHECK(!memcmp(now, nodes[i], sizeof now), "mapping %zu has the nodes %#lx, not %#lx", i, now[0], nodes[i][0]);
        if (i == COUNT) break;
        policy_of(at[i] + 2 * PAGE, &mode_now, now);
        CHECK(mode_now == DEFAULT, "what is behind mapping %zu has the policy %#x", i, mode_now);
    }
    testee_pass();
}
