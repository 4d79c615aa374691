/* FIFOs: with data, open for reading, writing, and both; a reader alone, writers alone, one without a name. */
#include <poll.h>
#include "testee.h"

/* A write end whose last reader has gone. */
static int left_alone(const char *path, int flags) {
    SYS(mkfifo(path, 0600));
    int reader = SYS(open(path, O_RDONLY | O_NONBLOCK)), writer = SYS(open(path, O_WRONLY | flags));
    SYS(close(reader));
    return writer;
}

static short ready(int fd, short events) {
    struct pollfd p = {fd, events, 0};
    SYS(poll(&p, 1, 0));
    return p.revents;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("fifo"), text[32] = {0};
    SYS(mkfifo(path, 0600));
    int both = SYS(open(path, O_RDWR | O_NONBLOCK)), in = SYS(open(path, O_RDONLY | O_NONBLOCK));
    int out = SYS(open(path, O_WRONLY));
    SYS(write(out, "through the fifo", 16));
    signal(SIGPIPE, SIG_IGN);
    char *last = testee_path("last"), *gone = testee_path("gone");
    SYS(mkfifo(last, 0600));
    int reader = SYS(open(last, O_RDONLY | O_NONBLOCK)), writer = SYS(open(last, O_WRONLY));
    SYS(write(writer, "left", 4));
    SYS(close(writer));
    writer = left_alone(testee_path("alone"), 0);
    int nameless = left_alone(gone, O_APPEND);
    SYS(unlink(gone));
    short read_events = ready(reader, POLLIN), write_events = ready(writer, POLLOUT);
    testee_ready();
    testee_wait();
    CHECK(read(in, text, 7) == 7 && !memcmp(text, "through", 7), "read %s", text);
    CHECK(read(both, text, 32) == 9 && !memcmp(text, " the fifo", 9), "the rest was %s", text);
    CHECK(read(in, text, 1) < 0 && errno == EAGAIN, "it is not empty");
    int again = SYS(open(path, O_WRONLY | O_NONBLOCK));
    SYS(write(again, "new", 3));
    CHECK(read(in, text, 32) == 3 && !memcmp(text, "new", 3), "a new opener reaches another one");
    CHECK(ready(reader, POLLIN) == read_events, "the reader alone: %#x, not %#x", ready(reader, POLLIN), read_events);
    CHECK(ready(writer, POLLOUT) == write_events, "the writer alone: %#x, not %#x", ready(writer, POLLOUT), write_events);
    CHECK(read(reader, text, 32) == 4 && !memcmp(text, "left", 4), "what was left is %s", text);
    CHECK(read(reader, text, 32) == 0, "no end of file");
    CHECK(write(writer, "x", 1) < 0 && errno == EPIPE, "the writer alone: %s", strerror(errno));
    CHECK(write(nameless, "x", 1) < 0 && errno == EPIPE, "the one without a name: %s", strerror(errno));
    testee_pass();
}
