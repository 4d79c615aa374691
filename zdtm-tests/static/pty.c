/* pty pairs in one process: raw and canonical, settings, packet mode, lock, size, bytes both ways. */
/* alone: ptys */
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "testee.h"

static void pair(int *master, int *slave) {
    *master = SYS(posix_openpt(O_RDWR | O_NOCTTY));
    SYS(grantpt(*master));
    SYS(unlockpt(*master));
    char name[64];
    CHECK(ptsname_r(*master, name, sizeof name) == 0, "no name");
    *slave = SYS(open(name, O_RDWR | O_NOCTTY));
}

static void expect(int fd, const char *want, const char *what) {
    char got[256] = "";
    size_t n = 0, length = strlen(want);
    struct pollfd p = {fd, POLLIN, 0};
    while (n < length && poll(&p, 1, 2000) == 1) {
        ssize_t r = read(fd, got + n, sizeof got - 1 - n);
        if (r <= 0) break;
        n += (size_t)r;
    }
    CHECK(n == length && !memcmp(got, want, n), "%s: %zu bytes: %s", what, n, got);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int rawm, raws, linem, lines, packm, packs;
    pair(&rawm, &raws);
    pair(&linem, &lines);
    pair(&packm, &packs);
    int lockm = SYS(posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)); /* never opened, and locked */
    struct termios t, u;
    SYS(tcgetattr(raws, &t));
    cfmakeraw(&t);
    t.c_cc[VMIN] = 3;
    SYS(tcsetattr(raws, TCSANOW, &t));
    SYS(tcgetattr(lines, &u));
    u.c_lflag &= ~(tcflag_t)ECHO;
    u.c_cc[VINTR] = 7;
    SYS(tcsetattr(lines, TCSANOW, &u));
    struct winsize size = {33, 101, 5, 6}, now;
    SYS(ioctl(linem, TIOCSWINSZ, &size));
    int on = 1, value;
    SYS(ioctl(packm, TIOCPKT, &on));
    SYS(write(rawm, "in\n\x03put", 7));
    SYS(write(raws, "out\nput", 7));
    SYS(write(linem, "one\rtwo\nthr", 11));
    SYS(write(lines, "text\n", 5)); /* arrives as text\r\n */
    SYS(write(packs, "packet", 6));
    testee_sleep_ms(50);
    struct termios t2, u2;
    testee_ready();
    testee_wait();
    SYS(tcgetattr(raws, &t2));
    SYS(tcgetattr(lines, &u2));
    CHECK(!memcmp(&t, &t2, offsetof(struct termios, c_ispeed)), "the raw settings");
    CHECK(u2.c_lflag == u.c_lflag && u2.c_iflag == u.c_iflag && u2.c_oflag == u.c_oflag && !memcmp(u.c_cc, u2.c_cc, 19), "the line settings");
    SYS(ioctl(lines, TIOCGWINSZ, &now));
    CHECK(!memcmp(&size, &now, sizeof size), "the window is %dx%d", now.ws_row, now.ws_col);
    SYS(ioctl(packm, TIOCGPKT, &value));
    CHECK(value == 1, "no packet mode");
    SYS(ioctl(lockm, TIOCGPTLCK, &value));
    CHECK(value == 1, "no lock");
    SYS(ioctl(packm, TIOCGPTLCK, &value));
    CHECK(value == 0, "a lock");
    char byte;
    CHECK(read(lockm, &byte, 1) < 0 && errno == EAGAIN, "the unopened one: %s", strerror(errno));
    expect(raws, "in\n\x03put", "raw input");
    expect(rawm, "out\nput", "raw output");
    SYS(ioctl(lines, FIONREAD, &value));
    CHECK(value == 8, "%d bytes of lines", value);
    char line[32];
    CHECK(SYS(read(lines, line, sizeof line)) == 4 && !memcmp(line, "one\n", 4), "not the first line");
    CHECK(SYS(read(lines, line, sizeof line)) == 4 && !memcmp(line, "two\n", 4), "not the second line");
    SYS(write(linem, "x\x7f" "ee\n", 5)); /* the line that was being typed can still be edited */
    CHECK(SYS(read(lines, line, sizeof line)) == 6 && !memcmp(line, "three\n", 6), "not the third line: %.8s", line);
    expect(linem, "text\r\n", "line output");
    CHECK(SYS(read(packm, line, sizeof line)) == 7 && !memcmp(line, "\0packet", 7), "not the packet");
    SYS(write(rawm, "abc", 3));
    expect(raws, "abc", "new input");
    SYS(close(raws));
    CHECK(read(rawm, &byte, 1) < 0 && errno == EIO, "the closed one: %s", strerror(errno));
    testee_pass();
}
