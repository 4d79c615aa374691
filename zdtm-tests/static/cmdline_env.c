/* Command line, environment, auxiliary vector and exe link, as /proc shows them. */
#include <sys/prctl.h>
#include "testee.h"

static size_t slurp(const char *path, char *into, size_t room) {
    int fd = SYS(open(path, O_RDONLY));
    size_t at = 0;
    for (ssize_t n; (n = SYS(read(fd, into + at, room - at))) > 0;) at += n;
    close(fd);
    return at;
}

int main(int argc, char **argv) {
    if (argc == 2) {
        char *args[] = {argv[0], argv[1], "--with=a lot", "of arguments", "", "tab\there", NULL};
        char *env[] = {"MARK=x y z", "EMPTY=", "PATH=/bin:/usr/bin", NULL};
        execve("/proc/self/exe", args, env);
        return 2;
    }
    testee_init(argc, argv);
    static char before[4][8192], after[8192];
    const char *paths[] = {"/proc/self/cmdline", "/proc/self/environ", "/proc/self/auxv"};
    size_t sizes[3];
    for (int i = 0; i < 3; i++) sizes[i] = slurp(paths[i], before[i], sizeof after);
    ssize_t exe = SYS(readlink("/proc/self/exe", before[3], sizeof after));
    testee_ready();
    testee_wait();
    for (int i = 0; i < 3; i++)
        CHECK(slurp(paths[i], after, sizeof after) == sizes[i] && !memcmp(before[i], after, sizes[i]),
              "%s differs: %.100s", paths[i], after);
    CHECK(readlink("/proc/self/exe", after, sizeof after) == exe && !memcmp(after, before[3], exe),
          "exe is %s", after);
    CHECK(!strcmp(getenv("MARK"), "x y z"), "getenv");
    testee_pass();
}
