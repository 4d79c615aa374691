/* oom_score_adj of a task and its children, each another; a child of the restored task inherits it. */
#include "testee.h"

static void set(int value) {
    char text[16];
    int fd = SYS(open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    SYS(write(fd, text, (size_t)snprintf(text, sizeof text, "%d", value)));
    SYS(close(fd));
}

static int get(pid_t pid) {
    char path[64], text[16] = "";
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", pid);
    int fd = SYS(open(path, O_RDONLY | O_CLOEXEC));
    SYS(read(fd, text, sizeof text - 1));
    SYS(close(fd));
    return atoi(text);
}

static volatile int *s;
static int child(void *value) {
    set((int)(long)value);
    __sync_fetch_and_add(s, 1);
    return testee_idle(NULL);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    set(300);
    pid_t more = testee_child(child, (void *)1000), same = testee_child(child, (void *)300);
    while (*s < 2) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    CHECK(get(getpid()) == 300 && get(more) == 1000 && get(same) == 300, "%d, %d, %d", get(getpid()), get(more), get(same));
    pid_t fresh = testee_child(testee_idle, NULL);
    CHECK(get(fresh) == 300, "a new child has %d", get(fresh));
    testee_reap(fresh, SIGTERM);
    testee_reap(more, SIGTERM);
    testee_reap(same, SIGTERM);
    testee_pass();
}
