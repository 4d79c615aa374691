/* A read of an empty pipe and a write to a full one go on without an error. */
#include <pthread.h>
#include "testee.h"

static int empty[2], full[2];
#define BIG (200 << 10)

static void *reader(void *arg) {
    char text[16] = {0};
    ssize_t n = read(empty[0], text, sizeof text); /* EINTR is not allowed */
    CHECK(n == 5 && !strcmp(text, "hello"), "read gave %zd: %s", n, n < 0 ? strerror(errno) : text);
    return arg;
}

static void *writer(void *arg) {
    char *data = malloc(BIG);
    testee_fill(data, BIG, 1);
    for (size_t at = 0; at < BIG;) {
        ssize_t n = write(full[1], data + at, BIG - at); /* short is allowed, EINTR is not */
        CHECK(n > 0, "write: %s", strerror(errno));
        at += n;
    }
    SYS(close(full[1]));
    return arg;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(pipe(empty));
    SYS(pipe(full));
    pthread_t threads[2];
    PT(pthread_create(&threads[0], NULL, reader, NULL));
    PT(pthread_create(&threads[1], NULL, writer, NULL));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    SYS(write(empty[1], "hello", 5));
    char *got = malloc(BIG + 1);
    size_t at = 0;
    for (ssize_t n; (n = SYS(read(full[0], got + at, BIG + 1 - at))) > 0;) at += n;
    CHECK(at == BIG, "%zu bytes came through the pipe, not %d", at, BIG);
    CHECK(testee_differs(got, BIG, 1) < 0, "other bytes came through");
    for (int i = 0; i < 2; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
