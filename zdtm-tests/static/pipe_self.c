/* Pipes within one process: with data, resized, non-blocking, in packet mode, empty. */
#include "testee.h"

#define BYTES 50000

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int a[2], b[2], packets[2], empty[2];
    char *data = malloc(BYTES), *got = malloc(1 << 20);
    SYS(pipe(a));
    SYS(pipe2(b, O_NONBLOCK));
    SYS(pipe2(packets, O_DIRECT));
    SYS(pipe2(empty, O_NONBLOCK | O_CLOEXEC));
    SYS(fcntl(b[0], F_SETPIPE_SZ, 1 << 20));
    testee_fill(data, BYTES, 1);
    SYS(write(a[1], data, BYTES));
    size_t filled = 0;
    for (ssize_t n; (n = write(b[1], data, 4096)) > 0;) filled += n;
    CHECK(filled == 1 << 20, "the big pipe took %zu", filled);
    SYS(write(packets[1], "one", 3));
    SYS(write(packets[1], "three", 5));
    testee_ready();
    testee_wait();
    CHECK(read(a[0], got, 1 << 20) == BYTES && !memcmp(got, data, BYTES), "what was in the pipe differs");
    CHECK(SYS(fcntl(b[1], F_GETPIPE_SZ)) == 1 << 20, "the pipe's size differs");
    CHECK(write(b[1], data, 1) < 0 && errno == EAGAIN, "the full pipe is not full");
    CHECK(read(b[0], got, 1 << 20) == 1 << 20, "the full pipe held less");
    for (int i = 0; i < 256; i++) CHECK(!memcmp(got + i * 4096, data, 4096), "its block %d differs", i);
    ssize_t n = read(packets[0], got, 100);
    CHECK(SYS(fcntl(packets[1], F_GETFL)) & O_DIRECT, "the packet pipe is none");
    CHECK(n == 3 && !memcmp(got, "one", 3), "the first packet has %zd bytes", n);
    CHECK(read(packets[0], got, 100) == 5 && !memcmp(got, "three", 5), "the second packet differs");
    CHECK(read(empty[0], got, 1) < 0 && errno == EAGAIN, "the empty pipe is not empty");
    SYS(write(empty[1], "z", 1));
    CHECK(read(empty[0], got, 1) == 1 && *got == 'z', "the empty pipe does not work");
    SYS(close(a[1]));
    CHECK(read(a[0], got, 1) == 0, "no end of file");
    testee_pass();
}
