/* Descriptions shared by fork: the position, the flags, and a file that each opened for itself. */
#include "testee.h"

static int both, own;
static char *path;
static int child(void *unused) {
    (void)unused;
    testee_listen();
    own = SYS(open(path, O_RDONLY));
    SYS(lseek(own, 5, SEEK_SET));
    testee_wait();
    if (lseek(own, 0, SEEK_CUR) != 5) return 1;
    if (lseek(both, 0, SEEK_CUR) != 33) return 2;
    if (!(fcntl(both, F_GETFL) & O_APPEND)) return 3;
    SYS(lseek(both, 44, SEEK_SET));
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    path = testee_path("data");
    both = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
    SYS(ftruncate(both, 100));
    own = SYS(open(path, O_RDWR));
    pid_t pid = testee_child(child, NULL);
    SYS(lseek(both, 11, SEEK_SET));
    SYS(lseek(own, 22, SEEK_SET));
    testee_sleep_ms(100);
    testee_ready();
    testee_wait();
    CHECK(lseek(both, 0, SEEK_CUR) == 11 && lseek(own, 0, SEEK_CUR) == 22, "positions");
    SYS(lseek(both, 33, SEEK_SET));
    SYS(fcntl(both, F_SETFL, O_APPEND));
    testee_reap(pid, 0);
    CHECK(lseek(both, 0, SEEK_CUR) == 44, "what the child did to the position is not seen");
    CHECK(lseek(own, 0, SEEK_CUR) == 22, "the child's own description is ours");
    testee_pass();
}
