/* A name set by prctl, with blanks and brackets, and a command line written over as servers do. */
#include <sys/prctl.h>
#include "testee.h"

int main(int argc, char **argv) {
    char *title = argv[0];
    size_t room = strlen(title);
    testee_init(argc, argv);
    SYS(prctl(PR_SET_NAME, "a) R (name"));
    memset(title, 0, room);
    strncpy(title, "retitled", room);
    testee_ready();
    testee_wait();
    char now[17] = {0}, line[64] = {0};
    SYS(prctl(PR_GET_NAME, now));
    CHECK(!strcmp(now, "a) R (name"), "the name is %s", now);
    int fd = SYS(open("/proc/self/cmdline", O_RDONLY));
    SYS(read(fd, line, sizeof line - 1));
    CHECK(!strncmp(line, "retitled", 8), "the command line is %s", line);
    testee_pass();
}
