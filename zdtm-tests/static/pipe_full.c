/* Full pipes of several sizes, and a writer that waits in the middle of a long write. */
#include <pthread.h>
#include "testee.h"

#define LONG (300 << 10)
static int blocked[2];
static char *text;
static volatile ssize_t written;

static void *writer(void *unused) {
    (void)unused;
    /* A stop makes a write that has begun return short, as SIGSTOP does; programs write on. */
    while (written < LONG) {
        ssize_t n = write(blocked[1], text + written, (size_t)(LONG - written));
        if (n <= 0) break;
        written += n;
    }
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int sizes[] = {4096, 65536, 1 << 20}, ends[3][2];
    text = malloc(1 << 20);
    char *got = malloc(1 << 20);
    testee_fill(text, 1 << 20, 41);
    for (int i = 0; i < 3; i++) {
        SYS(pipe2(ends[i], O_NONBLOCK));
        SYS(fcntl(ends[i][1], F_SETPIPE_SZ, sizes[i]));
        CHECK(write(ends[i][1], text, 1 << 20) == sizes[i], "a pipe of %d does not hold as much", sizes[i]);
    }
    SYS(pipe(blocked));
    pthread_t thread;
    PT(pthread_create(&thread, NULL, writer, NULL));
    testee_sleep_ms(100);
    testee_ready();
    testee_wait();
    for (int i = 0; i < 3; i++) {
        CHECK(write(ends[i][1], "x", 1) < 0 && errno == EAGAIN, "pipe %d is not full", i);
        CHECK(fcntl(ends[i][0], F_GETPIPE_SZ) == sizes[i], "pipe %d has size %d", i, fcntl(ends[i][0], F_GETPIPE_SZ));
        CHECK(read(ends[i][0], got, 1 << 20) == sizes[i] && !memcmp(got, text, sizes[i]), "pipe %d differs", i);
    }
    size_t n = 0;
    while (n < LONG) {
        ssize_t one = SYS(read(blocked[0], got + n, LONG - n));
        CHECK(one > 0, "end of file after %zu", n);
        n += (size_t)one;
    }
    CHECK(!memcmp(got, text, LONG), "the long write differs");
    PT(pthread_join(thread, NULL));
    CHECK(written == LONG, "the long write wrote %zd", written);
    testee_pass();
}
