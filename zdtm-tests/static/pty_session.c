/* A terminal emulator and its shell: controlling terminal, /dev/tty, foreground group, ^C, size. */
/* alone: ptys */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "testee.h"

static volatile int *s;
static char name[64];

static void interrupted(int sig) {
    (void)sig;
    s[2]++;
}
static void resized(int sig) {
    (void)sig;
    s[3]++;
}

/* In the foreground, in a group of its own. */
static int job(void *unused) {
    (void)unused;
    struct sigaction act = {.sa_handler = interrupted};
    SYS(sigaction(SIGINT, &act, NULL));
    act.sa_handler = resized;
    SYS(sigaction(SIGWINCH, &act, NULL));
    s[1] = getpid();
    while (!s[4]) testee_sleep_ms(2);
    char line[16];
    int tty = SYS(open("/dev/tty", O_RDWR)); /* opened anew */
    ssize_t n = SYS(read(tty, line, sizeof line));
    s[5] = n == 3 && !memcmp(line, "hi\n", 3) ? 1 : -1;
    for (;;) pause();
}

static int shell(void *unused) {
    (void)unused;
    SYS(setsid());
    int slave = SYS(open(name, O_RDWR | O_NOCTTY));
    SYS(ioctl(slave, TIOCSCTTY, 0));
    int current = SYS(open("/dev/tty", O_RDWR | O_CLOEXEC));
    pid_t pid = testee_child(job, NULL);
    while (!s[1]) testee_sleep_ms(2);
    SYS(setpgid(pid, pid));
    SYS(tcsetpgrp(slave, pid));
    SYS(close(slave));
    s[0] = 1;
    while (!s[6]) testee_sleep_ms(2);
    s[7] = tcgetpgrp(current) == pid && tcgetsid(current) == getpid() ? 1 : -1;
    SYS(write(current, "prompt", 6));
    for (;;) pause();
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int master = SYS(posix_openpt(O_RDWR | O_NOCTTY));
    SYS(grantpt(master));
    SYS(unlockpt(master));
    CHECK(ptsname_r(master, name, sizeof name) == 0, "no name");
    pid_t pid = testee_child(shell, NULL);
    testee_await(s, "the shell");
    testee_ready();
    testee_wait();
    CHECK(s[2] == 0 && s[3] == 0, "signals that nobody sent: %d, %d", s[2], s[3]);
    s[6] = 1;
    testee_await(s + 7, "the shell");
    CHECK(s[7] == 1, "another session or foreground group");
    char got[16] = "";
    CHECK(SYS(read(master, got, sizeof got)) == 6 && !memcmp(got, "prompt", 6), "not the prompt: %s", got);
    SYS(write(master, "\x03", 1));
    testee_await(s + 2, "^C");
    struct winsize size = {10, 20, 0, 0};
    SYS(ioctl(master, TIOCSWINSZ, &size));
    testee_await(s + 3, "SIGWINCH");
    SYS(write(master, "hi\n", 3));
    s[4] = 1;
    testee_await(s + 5, "the job");
    CHECK(s[5] == 1, "the job read something else");
    SYS(kill(s[1], SIGKILL));
    SYS(kill(pid, SIGKILL));
    int status;
    SYS(waitpid(pid, &status, 0));
    testee_pass();
}
