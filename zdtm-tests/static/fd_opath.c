/* O_PATH descriptors: of a file, a directory, a symbolic link, a FIFO, a socket file, a terminal. */
#include <sys/socket.h>
#include <sys/un.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *paths[6], *dir = testee_path("d");
    SYS(mkdir(dir, 0755));
    SYS(chdir(dir));
    SYS(close(SYS(open("file", O_CREAT | O_WRONLY, 0600))));
    SYS(mkdir("dir", 0700));
    SYS(symlink("file", "link"));
    SYS(mkfifo("fifo", 0600));
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "socket"};
    int s = SYS(socket(AF_UNIX, SOCK_STREAM, 0));
    SYS(bind(s, (struct sockaddr *)&name, sizeof name));
    SYS(close(s));
    const char *names[6] = {"file", "dir", "link", "fifo", "socket", "/dev/tty"};
    int fds[6], flags[6];
    struct stat before[6], st;
    for (int i = 0; i < 6; i++) {
        paths[i] = strdup(names[i]);
        fds[i] = SYS(open(paths[i], O_PATH | O_NOFOLLOW));
        flags[i] = SYS(fcntl(fds[i], F_GETFL));
        SYS(fstat(fds[i], &before[i]));
    }
    testee_ready();
    testee_wait();
    for (int i = 0; i < 6; i++) {
        SYS(fstat(fds[i], &st));
        CHECK(st.st_ino == before[i].st_ino && st.st_mode == before[i].st_mode, "%s is another", names[i]);
        CHECK(fcntl(fds[i], F_GETFL) == flags[i], "%s: flags %x, not %x", names[i], fcntl(fds[i], F_GETFL), flags[i]);
    }
    char target[16] = {0};
    CHECK(readlinkat(fds[2], "", target, 15) == 4 && !strcmp(target, "file"), "the link leads to %s", target);
    CHECK(read(fds[0], target, 1) < 0 && errno == EBADF, "an O_PATH descriptor can be read");
    testee_pass();
}
