/* A hundred pipes, each with its own contents. */
#include "testee.h"

enum { PIPES = 100 };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int ends[PIPES][2];
    char text[4096], got[4096];
    for (int i = 0; i < PIPES; i++) {
        SYS(pipe2(ends[i], i % 3 ? 0 : O_CLOEXEC));
        testee_fill(text, sizeof text, i);
        CHECK(write(ends[i][1], text, (size_t)i * 40) == i * 40, "write");
    }
    testee_ready();
    testee_wait();
    for (int i = 0; i < PIPES; i++) {
        testee_fill(text, sizeof text, i);
        SYS(write(ends[i][1], "end", 3));
        CHECK(read(ends[i][0], got, sizeof got) == i * 40 + 3, "pipe %d has another length", i);
        CHECK(!memcmp(text, got, (size_t)i * 40) && !memcmp(got + i * 40, "end", 3), "pipe %d differs", i);
        CHECK(fcntl(ends[i][0], F_GETFD) == (i % 3 ? 0 : FD_CLOEXEC), "pipe %d: close-on-exec", i);
    }
    testee_pass();
}
