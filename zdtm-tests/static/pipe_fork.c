/* A child at the other ends of two pipes, one of them with data in flight. */
#include "testee.h"

static int to[2], from[2];

static int child(void *arg) {
    (void)arg;
    close(to[1]);
    close(from[0]);
    char data[4096];
    for (ssize_t n; (n = read(to[0], data, sizeof data)) > 0;) {
        for (ssize_t i = 0; i < n; i++) data[i] ^= 0x55;
        if (write(from[1], data, n) != n) return 1;
    }
    return 33;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(pipe(to));
    SYS(pipe(from));
    SYS(write(to[1], "in flight", 9));
    pid_t pid = testee_child(child, NULL);
    close(to[0]);
    close(from[1]);
    testee_ready();
    testee_wait();
    char data[60000], got[60000];
    SYS(write(to[1], data, 0));
    testee_fill(data, sizeof data, 3);
    memcpy(data, "in flight", 9);
    SYS(write(to[1], data + 9, sizeof data - 9));
    SYS(close(to[1]));
    size_t at = 0;
    for (ssize_t n; (n = SYS(read(from[0], got + at, sizeof got - at))) > 0;) at += n;
    CHECK(at == sizeof data, "%zu bytes came back", at);
    for (size_t i = 0; i < at; i++) CHECK((got[i] ^ 0x55) == data[i], "byte %zu differs", i);
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 33, "the child ended with %#x", status);
    testee_pass();
}
