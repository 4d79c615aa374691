/* Pipes with one end closed: data then end of file, and EPIPE. */
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int no_writer[2], no_reader[2], drained[2];
    SYS(pipe(no_writer));
    SYS(pipe(no_reader));
    SYS(pipe(drained));
    SYS(write(no_writer[1], "last words", 10));
    SYS(close(no_writer[1]));
    SYS(close(no_reader[0]));
    SYS(close(drained[1]));
    testee_ready();
    testee_wait();
    char text[16] = {0};
    CHECK(read(no_writer[0], text, 16) == 10 && !strcmp(text, "last words"), "read %s", text);
    CHECK(read(no_writer[0], text, 16) == 0, "no end of file after the data");
    CHECK(read(drained[0], text, 16) == 0, "no end of file");
    signal(SIGPIPE, SIG_IGN);
    CHECK(write(no_reader[1], "x", 1) < 0 && errno == EPIPE, "no EPIPE: %s", strerror(errno));
    testee_pass();
}
