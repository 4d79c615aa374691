/* A FIFO with data, open for reading, writing, and both; a new opener reaches the same one. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("fifo"), text[32] = {0};
    SYS(mkfifo(path, 0600));
    int both = SYS(open(path, O_RDWR | O_NONBLOCK)), in = SYS(open(path, O_RDONLY | O_NONBLOCK));
    int out = SYS(open(path, O_WRONLY));
    SYS(write(out, "through the fifo", 16));
    testee_ready();
    testee_wait();
    CHECK(read(in, text, 7) == 7 && !memcmp(text, "through", 7), "read %s", text);
    CHECK(read(both, text, 32) == 9 && !memcmp(text, " the fifo", 9), "the rest was %s", text);
    CHECK(read(in, text, 1) < 0 && errno == EAGAIN, "it is not empty");
    int again = SYS(open(path, O_WRONLY | O_NONBLOCK));
    SYS(write(again, "new", 3));
    CHECK(read(in, text, 32) == 3 && !memcmp(text, "new", 3), "a new opener reaches another one");
    testee_pass();
}
