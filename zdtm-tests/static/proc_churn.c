/* Children come and go all the time, by fork and vfork; some leave a child that the root adopts. */
#include <spawn.h>
#include <sys/prctl.h>
#include "testee.h"

extern char **environ;

static void expect(pid_t pid, int code) {
    int status;
    pid_t got;
    do got = waitpid(pid, &status, 0);
    while (got < 0 && errno == EINTR);
    CHECK(got == pid, "waitpid(%d): %d, %s", pid, got, strerror(errno));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code, "child %d: status %x, not exit code %d", pid, status, code);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
    /* The tree looks different from one moment to the next. */
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    testee_ready();
    char *again[] = {"/bin/sh", "-c", "exit 7", NULL};
    while (testee_go()) {
        pid_t pid;
        int error = posix_spawn(&pid, again[0], NULL, NULL, again, environ);
        CHECK(error == 0, "posix_spawn: %s", strerror(error));
        expect(pid, 7);

        pid = SYS(fork());
        if (pid == 0) _exit(3);
        expect(pid, 3);

        int pipes[2];
        SYS(pipe(pipes));
        pid = SYS(fork());
        if (pid == 0) {
            pid_t orphan = fork();
            if (orphan == 0) {
                testee_sleep_ms(2);
                _exit(5);
            }
            if (write(pipes[1], &orphan, sizeof(orphan)) != sizeof(orphan)) _exit(1);
            _exit(4);
        }
        pid_t orphan = 0;
        ssize_t n;
        do n = read(pipes[0], &orphan, sizeof(orphan));
        while (n < 0 && errno == EINTR);
        CHECK(n == sizeof(orphan), "read: %zd, %s", n, strerror(errno));
        expect(pid, 4);
        expect(orphan, 5);
        SYS(close(pipes[0]));
        SYS(close(pipes[1]));
    }
    testee_pass();
}
