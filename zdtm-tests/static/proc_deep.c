/* A chain of forty generations, each in the middle of waiting for the next. */
#include "testee.h"

static int generation(void *left_) {
    size_t left = (size_t)left_;
    if (!left) return testee_idle(NULL);
    pid_t pid = testee_child(generation, (void *)(left - 1));
    int status;
    signal(SIGTERM, SIG_IGN);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return 1;
    return WIFSIGNALED(status) ? 7 : WEXITSTATUS(status) + (left % 2);
}

static pid_t only_child(pid_t pid) {
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    int fd = open(path, O_RDONLY);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        (void)n;
        close(fd);
    }
    return atoi(text);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t pid = testee_child(generation, (void *)40);
    testee_sleep_ms(300);
    testee_ready();
    testee_wait();
    pid_t last = pid, next;
    int depth = 0;
    while ((next = only_child(last)) > 0) last = next, depth++;
    CHECK(depth == 40, "the chain has %d generations", depth);
    SYS(kill(last, SIGKILL));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7 + 19, "the eldest ended with 0x%x", status);
    testee_pass();
}
