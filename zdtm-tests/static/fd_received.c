/* Descriptors that came in a message: a file whose position is shared with the sender, a pipe whose sender has ended. */
#include <sys/socket.h>
#include "testee.h"

static volatile int *s;
static int sockets[2];

static void pass(int fd) {
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    SYS(sendmsg(sockets[0], &message, 0));
}

static int receive(void) {
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    SYS(recvmsg(sockets[1], &message, MSG_CMSG_CLOEXEC));
    int fd;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return fd;
}

static int receiver(void *unused) {
    (void)unused;
    int file = receive(), end = receive();
    SYS(close(sockets[0]));
    SYS(close(sockets[1]));
    s[0] = 1;
    while (!s[1]) testee_sleep_ms(2);
    char text[8] = {0};
    if (read(file, text, 3) != 3 || strcmp(text, "def")) return 1;
    if (!(fcntl(file, F_GETFD) & FD_CLOEXEC)) return 2;
    return write(end, "hello", 5) == 5 ? 0 : 3;
}

static int sender(void *end) {
    pass(*(int *)end);
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SYS(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
    pid_t child = testee_child(receiver, NULL);
    int ends[2];
    SYS(pipe(ends));
    int file = SYS(open(testee_path("file"), O_RDWR | O_CREAT, 0600));
    SYS(write(file, "abcdefghi", 9));
    SYS(lseek(file, 0, SEEK_SET));
    pass(file);
    pid_t other = testee_child(sender, &ends[1]);
    int status;
    SYS(waitpid(other, &status, 0));
    SYS(close(ends[1]));
    SYS(close(sockets[0]));
    SYS(close(sockets[1]));
    while (!s[0]) testee_sleep_ms(2);
    testee_ready();
    testee_wait();
    char text[8] = {0};
    CHECK(read(file, text, 3) == 3 && !strcmp(text, "abc"), "we read %s", text);
    s[1] = 1;
    SYS(waitpid(child, &status, 0));
    CHECK(status == 0, "the receiver ends with %#x", status);
    CHECK(read(file, text, 3) == 3 && !strcmp(text, "ghi"), "the position is not shared: %s", text);
    CHECK(read(ends[0], text, 7) == 5 && !strcmp(text, "hello"), "the pipe gave %s", text);
    CHECK(read(ends[0], text, 7) == 0, "somebody else holds the pipe");
    testee_pass();
}
