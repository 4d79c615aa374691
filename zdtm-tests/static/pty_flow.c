/* ptys whose output is stopped, by ^S and by tcflow(3), with bytes on their way; a packet mode without a word; exclusive. */
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
    *slave = SYS(open(name, O_RDWR | O_NOCTTY | O_NONBLOCK));
}

static int can_write(int slave) {
    struct pollfd p = {slave, POLLOUT, 0};
    return SYS(poll(&p, 1, 0)) == 1;
}

static int in_time(int slave, int wanted) {
    for (int i = 0; i < 10000 && can_write(slave) != wanted; i++) testee_sleep_ms(1);
    return can_write(slave) == wanted;
}

static void expect(int fd, const char *want, const char *what) {
    char got[256] = "";
    size_t n = 0, length = strlen(want);
    struct pollfd p = {fd, POLLIN, 0};
    while (n < length && poll(&p, 1, 10000) == 1) {
        ssize_t r = read(fd, got + n, length - n);
        if (r <= 0) break;
        n += (size_t)r;
    }
    CHECK(n == length && !memcmp(got, want, n), "%s: %zu bytes: %s", what, n, got);
}

static void nothing(int fd, const char *what) {
    struct pollfd p = {fd, POLLIN | POLLPRI, 0};
    CHECK(SYS(poll(&p, 1, 0)) == 0, "%s: %#x", what, p.revents);
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int typedm, typeds, calledm, calleds, packm, packs, emptym, emptys, value = 1;
    pair(&typedm, &typeds);
    pair(&calledm, &calleds);
    pair(&packm, &packs);
    pair(&emptym, &emptys);
    SYS(ioctl(packm, TIOCPKT, &value));
    SYS(ioctl(packs, TIOCEXCL));
    SYS(write(typeds, "before\n", 7));
    SYS(write(calleds, "before\n", 7));
    SYS(write(typedm, "\x13", 1));
    SYS(write(emptym, "\x13", 1));
    SYS(tcflow(calleds, TCOOFF));
    CHECK(in_time(typeds, 0) && in_time(emptys, 0), "^S does not stop it");
    SYS(write(typedm, "typed\n", 6)); /* and its echo waits */
    SYS(write(packm, "line\n", 5));
    struct pollfd p = {packs, POLLIN, 0};
    CHECK(SYS(poll(&p, 1, 10000)) == 1, "no line");
    char echo[16];
    CHECK(SYS(read(packm, echo, sizeof echo)) == 7 && !memcmp(echo, "\0line\r\n", 7), "no echo");
    testee_ready();
    testee_wait();
    CHECK(write(typeds, "x", 1) == -1 && errno == EAGAIN, "what ^S stopped takes output");
    CHECK(write(emptys, "x", 1) == -1 && errno == EAGAIN, "what ^S stopped takes output, and was empty");
    CHECK(write(calleds, "x", 1) == -1 && errno == EAGAIN, "what tcflow stopped takes output");
    nothing(packm, "packet mode has news");
    SYS(ioctl(packs, TIOCGEXCL, &value));
    CHECK(value == 1, "not exclusive");
    expect(packs, "line\n", "the line");
    expect(typedm, "before\r\n", "output before ^S");
    expect(calledm, "before\r\n", "output before tcflow");
    SYS(write(typedm, "\x11", 1));
    CHECK(in_time(typeds, 1), "^Q does not start what was typed into");
    SYS(write(typeds, "x", 1));
    expect(typedm, "typed\r\nx", "the echo, then output");
    SYS(write(emptym, "\x11", 1));
    CHECK(in_time(emptys, 1), "^Q does not start it");
    SYS(write(calledm, "\x11", 1));
    SYS(write(emptym, "z", 1)); /* comes to the echo only after ^Q was looked at */
    expect(emptym, "z", "the later echo");
    CHECK(!can_write(calleds), "^Q starts what tcflow stopped");
    SYS(tcflow(calleds, TCOON));
    SYS(write(calleds, "after\n", 6));
    expect(calledm, "after\r\n", "output after tcflow");
    expect(typeds, "typed\n", "input");
    testee_pass();
}
