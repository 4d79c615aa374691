/* A directory descriptor: openat through it works, and reading goes on where it stood. */
#include <dirent.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char *path = testee_path("dir"), name[32];
    SYS(mkdir(path, 0755));
    int dir = SYS(open(path, O_RDONLY | O_DIRECTORY));
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "entry-%d", i);
        SYS(close(SYS(openat(dir, name, O_CREAT | O_WRONLY, 0600))));
    }
    DIR *open_ = fdopendir(SYS(openat(dir, ".", O_RDONLY | O_DIRECTORY)));
    int seen = 0;
    for (struct dirent *e; seen < 10 && (e = readdir(open_));) seen += e->d_name[0] == 'e';
    testee_ready();
    testee_wait();
    for (struct dirent *e; (e = readdir(open_));) seen += e->d_name[0] == 'e';
    CHECK(seen == 50, "%d entries were read, not 50", seen);
    rewinddir(open_);
    for (seen = 0; readdir(open_);) seen++;
    CHECK(seen == 52, "%d entries from the start, not 52", seen);
    SYS(faccessat(dir, "entry-49", F_OK, 0));
    SYS(fchdir(dir));
    SYS(access("entry-3", F_OK));
    testee_pass();
}
