/* Blocked in open(2) of FIFOs that nobody has open at the other end: they go on when somebody comes. */
#include <pthread.h>
#include "testee.h"

static char *in, *out;
static volatile int opened[2];

static void *opens(void *arg) {
    int n = (int)(long)arg;
    int fd = open(n ? out : in, n ? O_WRONLY : O_RDONLY);
    opened[n] = fd >= 0 ? fd : -errno;
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    SYS(mkfifo(in = testee_path("read"), 0600));
    SYS(mkfifo(out = testee_path("write"), 0600));
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) PT(pthread_create(&threads[i], NULL, opens, (void *)(long)i));
    testee_sleep_ms(50);
    testee_ready();
    testee_wait();
    CHECK(!opened[0] && !opened[1], "an open came back with %d, %d", opened[0], opened[1]);
    int write_end = SYS(open(in, O_WRONLY)), read_end = SYS(open(out, O_RDONLY));
    for (int i = 0; i < 2; i++) PT(pthread_join(threads[i], NULL));
    CHECK(opened[0] > 0 && opened[1] > 0, "open: %d, %d", opened[0], opened[1]);
    char got[4];
    SYS(write(write_end, "in", 2));
    SYS(write(opened[1], "out", 3));
    CHECK(read(opened[0], got, 4) == 2 && read(read_end, got, 4) == 3, "bytes do not come through");
    testee_pass();
}
