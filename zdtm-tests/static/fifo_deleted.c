/* FIFOs without a name: with data, one end each in two tasks. */
#include "testee.h"

static int ends[2];
static int child(void *arg) {
    (void)arg;
    char text[16] = {0};
    fcntl(ends[0], F_SETFL, 0);
    if (read(ends[0], text, 5) != 5 || memcmp(text, "older", 5)) return 1;
    return read(ends[0], text, 5) == 5 && !memcmp(text, "newer", 5) ? 0 : 2;
}
static int idle_child(void *arg) {
    kill(getpid(), SIGSTOP);
    return child(arg);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("fifo");
    SYS(mkfifo(path, 0620));
    ends[0] = SYS(open(path, O_RDONLY | O_NONBLOCK));
    ends[1] = SYS(open(path, O_WRONLY));
    SYS(unlink(path));
    SYS(write(ends[1], "older", 5));
    pid_t pid = testee_child(idle_child, NULL);
    while (testee_state(pid) != 'T') testee_sleep_ms(2);
    SYS(close(ends[0]));
    testee_ready();
    testee_wait();
    struct stat st;
    SYS(fstat(ends[1], &st));
    CHECK(st.st_nlink == 0 && S_ISFIFO(st.st_mode) && access(path, F_OK), "it has a name");
    SYS(write(ends[1], "newer", 5));
    SYS(kill(pid, SIGCONT));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child: status %x", status);
    testee_pass();
}
