/* Close-on-exec flags, dup'ed descriptors each with its own, and the numbers with their holes. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int fd = SYS(open("/dev/null", O_RDWR | O_CLOEXEC));
    SYS(dup2(fd, 10));
    SYS(dup3(fd, 500, O_CLOEXEC));
    int p[2];
    SYS(pipe2(p, O_CLOEXEC));
    SYS(fcntl(p[1], F_SETFD, 0));
    SYS(close(0));
    testee_ready();
    testee_wait();
    struct {
        int fd, cloexec;
    } want[] = {{fd, 1}, {10, 0}, {500, 1}, {p[0], 1}, {p[1], 0}, {1, 0}, {2, 0}};
    for (int i = 0; i < 7; i++)
        CHECK(fcntl(want[i].fd, F_GETFD) == want[i].cloexec, "descriptor %d: %d", want[i].fd,
              fcntl(want[i].fd, F_GETFD));
    for (int i = 0, open_ = 0; i < 1024; i++) {
        open_ += fcntl(i, F_GETFD) >= 0;
        CHECK(i < 1023 || open_ == 7, "%d descriptors are open, not 7", open_);
    }
    CHECK(SYS(dup(1)) == 0, "0 was not free");
    testee_pass();
}
