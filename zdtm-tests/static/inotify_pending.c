/* inotify with events to read: they come, or IN_Q_OVERFLOW says that they are lost; then it goes on. */
#include <sys/inotify.h>
#include "testee.h"

static char buffer[4096] __attribute__((aligned(8)));

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *file = testee_path("file");
    int fd = SYS(open(file, O_RDWR | O_CREAT, 0600));
    int in = SYS(inotify_init1(IN_NONBLOCK));
    int wd = SYS(inotify_add_watch(in, file, IN_MODIFY | IN_ATTRIB));
    SYS(write(fd, "x", 1));
    SYS(fchmod(fd, 0640));
    testee_ready();
    testee_wait();
    struct inotify_event *event = (struct inotify_event *)buffer;
    ssize_t n = read(in, buffer, sizeof buffer);
    if (n == sizeof *event) {
        CHECK(event->wd == -1 && event->mask == IN_Q_OVERFLOW, "watch %d mask %#x", event->wd, event->mask);
    } else {
        CHECK(n == 2 * sizeof *event && event[0].mask == IN_MODIFY && event[1].mask == IN_ATTRIB, "%ld bytes of events", (long)n);
    }
    SYS(write(fd, "y", 1));
    n = read(in, buffer, sizeof buffer);
    CHECK(n == sizeof *event && event->wd == wd && event->mask == IN_MODIFY, "%ld bytes, watch %d mask %#x", (long)n, event->wd, event->mask);
    CHECK(read(in, buffer, sizeof buffer) < 0 && errno == EAGAIN, "one more event");
    SYS(unlink(file));
    testee_pass();
}
