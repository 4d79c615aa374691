/* What a process has registered for membarrier(2) it may still use, and what it has not it may not. */
#include <linux/membarrier.h>
#include "testee.h"

/* Linux 6.3 */
#define MEMBARRIER_CMD_GET_REGISTRATIONS (1 << 9)
#ifndef SYS_membarrier
#define SYS_membarrier 324
#endif

static int child(void *go_on) { /* registers nothing */
    long before = syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
    if (before == 0 || errno != EPERM) return 1;
    while (!*(volatile int *)go_on) testee_sleep_ms(2);
    return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) < 0 && errno == EPERM ? 0 : 2;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    volatile int *go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    long known = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
    if (known < 0 || !(known & MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)) testee_skip("this kernel has no membarrier by core");
    pid_t pid = testee_child(child, (void *)go_on);
    SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0));
    long before = syscall(SYS_membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0);
    testee_ready();
    testee_wait();
    SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    SYS(syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0));
    CHECK(syscall(SYS_membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0) == before, "registered is %#lx, not %#lx",
          syscall(SYS_membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS, 0, 0), before);
    *go_on = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the one that registered nothing: %#x", status);
    testee_pass();
}
