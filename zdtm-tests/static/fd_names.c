/* Files whose names are hard to read back from /proc, open and mapped. */
#include "testee.h"

static const char *names[] = {"with blank", "new\nline", "x (deleted)", "back\\012slash", "tab\there", "\"quoted'", "üñí"};
enum { NAMES = sizeof names / sizeof *names };

int main(int argc, char **argv) {
    testee_init(argc, argv);
    int fds[NAMES];
    char *maps[NAMES];
    struct stat stats[NAMES], now;
    for (int i = 0; i < NAMES; i++) {
        char *path = testee_path(names[i]);
        fds[i] = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
        SYS(dprintf(fds[i], "file %d", i));
        int other = SYS(open(path, O_RDONLY));
        maps[i] = SYS((char *)mmap(NULL, PAGE, PROT_READ, i % 2 ? MAP_SHARED : MAP_PRIVATE, other, 0));
        SYS(close(other));
        SYS(fstat(fds[i], &stats[i]));
    }
    testee_ready();
    testee_wait();
    for (int i = 0; i < NAMES; i++) {
        char text[16];
        snprintf(text, sizeof text, "file %d", i);
        SYS(fstat(fds[i], &now));
        CHECK(now.st_ino == stats[i].st_ino && now.st_dev == stats[i].st_dev, "\"%s\" is another file", names[i]);
        CHECK(!strcmp(maps[i], text), "the mapping of \"%s\" shows %.8s", names[i], maps[i]);
    }
    testee_pass();
}
