/* Files and directories of /proc and /sys: our own, a thread's, a child's, of a child that has ended, of nobody. */
#include <pthread.h>
#include "testee.h"

static const char *more[] = {
    "/proc/self/fd", "/proc/self/task", "/proc/self/fdinfo", "/proc/self/map_files", "/proc/self/ns", "/proc/self/maps",
    "/proc/self/root", "/proc/self/exe", "/proc/self/pagemap", "/proc/self/mountinfo", "/proc/self/oom_score_adj",
    "/proc/thread-self/status", "/proc/sys/kernel/pid_max", "/proc/net/unix", "/proc/cpuinfo", "/sys/class", "/sys/class/net",
};
enum { MORE = sizeof more / sizeof *more };

_Noreturn static void *sleeper(void *tid) {
    *(volatile pid_t *)tid = gettid();
    for (;;) pause();
}

static char *of(pid_t pid, const char *name) {
    char *path;
    if (asprintf(&path, "/proc/%d/%s", pid, name) < 0) testee_fail("memory");
    return path;
}

static int holds(int fd, const char *text) {
    char buffer[4096];
    ssize_t n = SYS(pread(fd, buffer, sizeof buffer - 1, 0));
    buffer[n] = 0;
    return strstr(buffer, text) != NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char buffer[4096], mine[32], childs[32];
    pid_t child = testee_child(testee_idle, NULL);
    pid_t gone = SYS(fork());
    if (gone == 0) testee_idle(NULL);
    int own = SYS(open("/proc/self/status", O_RDONLY)), memory = SYS(open("/proc/self/mem", O_RDWR));
    int childs_status = SYS(open(of(child, "status"), O_RDONLY)), childs_dir = SYS(open(of(child, "."), O_RDONLY | O_DIRECTORY));
    int dead = SYS(open(of(gone, "status"), O_RDONLY)), dead_cmd = SYS(open(of(gone, "cmdline"), O_RDONLY));
    int dead_dir = SYS(open(of(gone, "."), O_RDONLY | O_DIRECTORY)), dead_again = SYS(open(of(gone, "status"), O_RDONLY));
    int dead_fds = SYS(open(of(gone, "fd"), O_RDONLY | O_DIRECTORY)), dead_path = SYS(open(of(gone, "status"), O_PATH));
    int machine = SYS(open("/proc/meminfo", O_RDONLY)), device = SYS(open("/sys/kernel/mm/transparent_hugepage/enabled", O_RDONLY));
    SYS(read(own, buffer, 8));
    SYS(read(dead_again, buffer, 8));
    char *at_dead = of(gone, "");
    SYS(chdir(at_dead));
    SYS(kill(gone, SIGKILL));
    SYS(waitpid(gone, NULL, 0));
    struct stat before[MORE], st;
    int fds[MORE];
    for (int i = 0; i < MORE; i++) {
        fds[i] = SYS(open(more[i], O_RDONLY));
        SYS(fstat(fds[i], &before[i]));
    }
    volatile pid_t tid = 0;
    pthread_t thread;
    PT(pthread_create(&thread, NULL, sleeper, (void *)&tid));
    while (!tid) testee_sleep_ms(1);
    char name[64], threads[32];
    snprintf(name, sizeof name, "task/%d/status", tid);
    snprintf(threads, sizeof threads, "Pid:\t%d\n", tid);
    int threads_status = SYS(open(of(getpid(), name), O_RDONLY));
    snprintf(mine, sizeof mine, "Pid:\t%d\n", getpid());
    snprintf(childs, sizeof childs, "Pid:\t%d\n", child);
    testee_ready();
    testee_wait();
    CHECK(SYS(lseek(own, 0, SEEK_CUR)) == 8 && holds(own, mine), "our status");
    CHECK(holds(threads_status, threads), "the thread's status");
    for (int i = 0; i < MORE; i++) {
        SYS(fstat(fds[i], &st));
        CHECK(st.st_mode == before[i].st_mode, "%s has the mode %o", more[i], st.st_mode);
        CHECK(!S_ISREG(st.st_mode) || pread(fds[i], buffer, 8, 0) > 0, "%s: %s", more[i], strerror(errno));
    }
    CHECK(holds(childs_status, childs), "the child's status");
    int inside = SYS(openat(childs_dir, "status", O_RDONLY));
    CHECK(holds(inside, childs), "the child's directory");
    static volatile int word = 4711;
    int seen = 0;
    CHECK(SYS(pread(memory, &seen, sizeof seen, (off_t)(uintptr_t)&word)) == sizeof seen && seen == word, "our memory");
    CHECK(holds(machine, "MemTotal") && holds(device, "["), "the machine's");
    CHECK(read(dead, buffer, 8) == -1 && errno == ESRCH, "the status of the dead: %s", strerror(errno));
    CHECK(read(dead_cmd, buffer, 8) <= 0, "the dead has a command line");
    CHECK(openat(dead_dir, "status", O_RDONLY) == -1 && (errno == ENOENT || errno == ESRCH), "a file of the dead: %s", strerror(errno));
    CHECK(openat(dead_fds, "0", O_RDONLY) == -1 && (errno == ENOENT || errno == ESRCH || errno == EACCES), "a descriptor of the dead: %s", strerror(errno));
    CHECK(SYS(lseek(dead_again, 0, SEEK_CUR)) == 8, "the other position");
    CHECK(fcntl(dead_path, F_GETFL) & O_PATH, "no path any more");
    CHECK(open("status", O_RDONLY) == -1 && (errno == ENOENT || errno == ESRCH), "a file of the dead at the working directory");
    SYS(chdir("/"));
    testee_reap(child, SIGTERM);
    testee_pass();
}
