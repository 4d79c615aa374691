/*
 * Huge TLB pages: private, shared between two tasks, of memfds, a SysV segment and a file of
 * hugetlbfs, the files mapped privately, too; holes stay holes.
 */
#include <sys/mount.h>
#include <sys/shm.h>
#include "testee.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4U
#endif
#define HUGE (2UL << 20)
enum { NEEDED = 9 };

static char *shared;
static volatile int *go;

static int child(void *arg) {
    (void)arg;
    while (!*go) testee_sleep_ms(3);
    if (testee_differs(shared, HUGE, 2) >= 0) return 1;
    shared[5] = 'c';
    return 0;
}

/* Three pages of a file: one that is ours, one that is the file's, and a hole that we have filled. */
static char *copies(int fd, char **file) {
    SYS(ftruncate(fd, 3 * HUGE));
    *file = SYS((char *)mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0));
    char *own = SYS((char *)mmap(NULL, 3 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0));
    testee_fill(*file + HUGE, HUGE, 4);
    testee_fill(own + 2 * HUGE, HUGE, 5);
    return own;
}

static void check_copies(char *own, char *file, const char *what) {
    CHECK(testee_differs(file + HUGE, HUGE, 4) < 0, "%s: the file differs", what);
    CHECK(testee_differs(own + HUGE, HUGE, 4) < 0, "%s: the file is seen otherwise", what);
    CHECK(testee_differs(own + 2 * HUGE, HUGE, 5) < 0, "%s: our copy differs", what);
    file[HUGE]++;
    CHECK(own[HUGE] == file[HUGE], "%s: the mappings are apart", what);
    CHECK(file[2 * HUGE] == 0, "%s: our copy is the file's", what);
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
    if (free_pages < NEEDED) testee_skip("%ld huge pages are free, %d are needed (vm.nr_hugepages)", free_pages, NEEDED);
    testee_fill(private, HUGE, 1);
    testee_fill(shared, HUGE, 2);
    testee_fill(file, HUGE, 3);
    SYS(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
    char *mem_file, *mem_own = copies(SYS(memfd_create("copied", MFD_HUGETLB)), &mem_file);
    int segment = SYS(shmget(IPC_PRIVATE, HUGE, SHM_HUGETLB | IPC_CREAT | 0600));
    char *sysv = SYS((char *)shmat(segment, NULL, 0));
    SYS(shmctl(segment, IPC_RMID, NULL));
    testee_fill(sysv, HUGE, 6);
    char *dir = testee_path("fs"), *path, *fs_file, *fs_own = NULL;
    SYS(mkdir(dir, 0700));
    SYS(asprintf(&path, "%s/file", dir));
    if (!mount("testee", dir, "hugetlbfs", 0, NULL)) fs_own = copies(SYS(open(path, O_RDWR | O_CREAT, 0600)), &fs_file);
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
    CHECK(testee_differs(sysv, HUGE, 6) < 0, "the SysV segment differs");
    check_copies(mem_own, mem_file, "memfd");
    if (fs_own) {
        check_copies(fs_own, fs_file, "hugetlbfs");
        SYS(umount2(dir, MNT_DETACH));
    }
    testee_pass();
}
