/* Shared anonymous memory: parent and child still see one another's writes. */
#include "testee.h"

#define SIZE (4UL << 20)

struct shared {
    volatile int ping, pong;
    char data[SIZE];
};

static int child(void *arg) {
    struct shared *s = arg;
    for (;;) {
        if (s->ping != s->pong) {
            if (s->ping == 1 && testee_differs(s->data, SIZE, 10) >= 0) return 9;
            testee_fill(s->data, SIZE, 10 + s->ping);
            __sync_synchronize();
            s->pong = s->ping;
        }
        testee_sleep_ms(2);
    }
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    struct shared *s = SYS((struct shared *)mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE,
                                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    testee_fill(s->data, SIZE, 10);
    pid_t pid = testee_child(child, s);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(s->data, SIZE, 10) < 0, "contents differ");
    for (int turn = 1; turn <= 3; turn++) {
        s->ping = turn;
        for (int i = 0; s->pong != turn; i++) {
            CHECK(i < 5000 && !waitpid(pid, NULL, WNOHANG), "child does not see our writes");
            testee_sleep_ms(2);
        }
        CHECK(testee_differs(s->data, SIZE, 10 + turn) < 0, "we do not see the child's writes");
    }
    testee_reap(pid, SIGTERM);
    testee_pass();
}
