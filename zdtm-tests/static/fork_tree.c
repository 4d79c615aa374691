/* Twenty children in a ring of pipes; a token goes round it, before and after. */
#include "testee.h"

#define COUNT 20
static int pipes[COUNT + 1][2];

static int child(void *arg) {
    int i = (int)(long)arg;
    unsigned long token;
    while (read(pipes[i][0], &token, sizeof token) == sizeof token) {
        token++;
        if (write(pipes[i + 1][1], &token, sizeof token) != sizeof token) return 1;
    }
    return 0;
}

static void round_trip(unsigned long token) {
    unsigned long back;
    SYS(write(pipes[0][1], &token, sizeof token));
    SYS(read(pipes[COUNT][0], &back, sizeof back));
    CHECK(back == token + COUNT, "the token came back as %lu, not %lu", back, token + COUNT);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pid_t pids[COUNT];
    for (int i = 0; i <= COUNT; i++) SYS(pipe(pipes[i]));
    for (long i = 0; i < COUNT; i++) pids[i] = testee_child(child, (void *)i);
    round_trip(1000);
    testee_ready();
    testee_wait();
    for (int i = 0; i < 100; i++) round_trip(i);
    for (int i = 0; i < COUNT; i++) testee_reap(pids[i], SIGTERM);
    testee_pass();
}
