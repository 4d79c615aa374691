/* Huge TLB pages: private, shared between two tasks, and a memfd of them; holes stay holes. */
#include "testee.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif
#define HUGE (2UL << 20)

static char *shared;
static volatile int *go;

static int child(void *arg) {
    (void)arg;
    while (!*go) testee_sleep_ms(3);
    if (testee_differs(shared, HUGE, 2) >= 0) return 1;
    shared[5] = 'c';
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    go = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *private = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
    shared = mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_NORESERVE, -1, 0);
    int fd = memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING);
    char *file = MAP_FAILED;
    if (fd >= 0 && !ftruncate(fd, HUGE)) file = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (private == MAP_FAILED || shared == MAP_FAILED || file == MAP_FAILED) testee_skip("no huge pages here");
    long free_pages = 0;
    char line[128];
    FILE *f = fopen("/proc/meminfo", "re");
    while (f && fgets(line, sizeof line, f)) sscanf(line, "HugePages_Free: %ld", &free_pages);
    if (f) fclose(f);
    if (free_pages < 3) testee_skip("%ld huge pages are free, 3 are needed (vm.nr_hugepages)", free_pages);
    testee_fill(private, HUGE, 1);
    testee_fill(shared, HUGE, 2);
    testee_fill(file, HUGE, 3);
    SYS(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    pid_t pid = testee_child(child, NULL);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(private, HUGE, 1) < 0, "private pages differ");
    CHECK(testee_differs(file, HUGE, 3) < 0, "the memfd's pages differ");
    *go = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child sees other shared pages");
    CHECK(shared[5] == 'c', "shared pages are no longer shared");
    CHECK(SYS(fcntl(fd, F_GET_SEALS)) == F_SEAL_SHRINK, "seals differ");
    struct stat st;
    SYS(fstat(fd, &st));
    CHECK(st.st_blksize == (long)HUGE && st.st_size == (off_t)HUGE, "block size %ld, size %ld", (long)st.st_blksize, (long)st.st_size);
    testee_pass();
}
