/* Stopped by its terminal: a background reader (SIGTTIN) reads on once it is in the foreground. */
#include <sys/ioctl.h>
#include <termios.h>
#include "testee.h"

static volatile int *s;
static char name[64];

static int job(void *unused) {
    (void)unused;
    s[1] = 1;
    while (!s[2]) testee_sleep_ms(1);
    int tty = SYS(open("/dev/tty", O_RDWR));
    char got[8] = "";
    ssize_t n = read(tty, got, sizeof got);
    return n == 3 && !memcmp(got, "ok\n", 3) ? 0 : 1;
}

static int shell(void *unused) {
    (void)unused;
    signal(SIGTTOU, SIG_IGN);
    SYS(setsid());
    int tty = SYS(open(name, O_RDWR)), status;
    pid_t pid = testee_child(job, NULL);
    while (!s[1]) testee_sleep_ms(1);
    SYS(setpgid(pid, pid));
    s[2] = 1;
    siginfo_t info;
    SYS(waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT));
    s[3] = pid;
    s[0] = info.si_status == SIGTTIN ? 1 : -1;
    while (!s[4]) testee_sleep_ms(1);
    SYS(waitpid(pid, &status, WUNTRACED | WNOHANG));
    if (!WIFSTOPPED(status) || WSTOPSIG(status) != SIGTTIN || tcgetpgrp(tty) != getpid()) return 2;
    SYS(tcsetpgrp(tty, pid));
    SYS(kill(-pid, SIGCONT));
    SYS(waitpid(pid, &status, 0));
    return status != 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    int master = SYS(posix_openpt(O_RDWR | O_NOCTTY)), status;
    SYS(grantpt(master));
    SYS(unlockpt(master));
    CHECK(ptsname_r(master, name, sizeof name) == 0, "no name");
    pid_t pid = testee_child(shell, NULL);
    testee_await(s, "the job to be stopped");
    CHECK(s[0] == 1, "it was stopped by something else");
    testee_ready();
    testee_wait();
    CHECK(testee_state(s[3]) == 'T', "the job is in state %c", testee_state(s[3]));
    SYS(write(master, "ok\n", 3));
    s[4] = 1;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the shell ended with %#x", status);
    testee_pass();
}
