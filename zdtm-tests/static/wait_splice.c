/* Blocked in splice(2), tee(2), readv(2) and sendfile(2) on empty and full pipes; no byte is lost or doubled. */
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include "testee.h"

static int from[3][2], to[3][2], file;
static volatile int done[4];

static void *blocks(void *arg) {
    int n = (int)(long)arg;
    char a[2], b[2];
    struct iovec two[2] = {{a, 2}, {b, 2}};
    off_t zero = 0;
    ssize_t r = n == 0   ? splice(from[0][0], NULL, to[0][1], NULL, 4, 0)
                : n == 1 ? tee(from[1][0], to[1][1], 4, 0)
                : n == 2 ? readv(from[2][0], two, 2)
                         : sendfile(to[2][1], file, &zero, 4);
    if (n == 2) CHECK(r == 4 && !memcmp(a, "wo", 2) && !memcmp(b, "rd", 2), "readv: %zd", r);
    done[n] = r == 4 ? 1 : r < 0 ? -errno : -1000;
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char byte = 'x', got[8];
    for (int i = 0; i < 3; i++) {
        SYS(pipe(from[i]));
        SYS(pipe(to[i]));
    }
    SYS(fcntl(to[2][1], F_SETPIPE_SZ, PAGE));
    for (size_t i = 0; i < PAGE; i++) SYS(write(to[2][1], &byte, 1));
    file = SYS(open(testee_path("data"), O_RDWR | O_CREAT, 0600));
    SYS(write(file, "word", 4));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) PT(pthread_create(&threads[i], NULL, blocks, (void *)(long)i));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    for (int i = 0; i < 4; i++) CHECK(!done[i], "call %d came back early: %d", i, done[i]);
    for (int i = 0; i < 3; i++) SYS(write(from[i][1], "word", 4));
    static char page[PAGE];
    for (size_t n = 0; n < PAGE;) n += (size_t)SYS(read(to[2][0], page, PAGE - n));
    for (int i = 0; i < 4; i++) {
        PT(pthread_join(threads[i], NULL));
        CHECK(done[i] == 1, "call %d: %d", i, done[i]);
    }
    for (int i = 0; i < 3; i++) CHECK(read(to[i][0], got, 8) == 4 && !memcmp(got, "word", 4), "pipe %d got something else", i);
    CHECK(read(from[1][0], got, 8) == 4, "tee took what it copied");
    testee_pass();
}
