/* An executable that was replaced on disk, as an upgrade does: the program goes on from the old one, also in code that
 * it has not touched yet; the new one stays what it is. Its child runs one that was deleted. */
#include <sys/sendfile.h>
#include "testee.h"

static char *copy(const char *suffix) {
    char *path = testee_path(suffix);
    int from = SYS(open("/proc/self/exe", O_RDONLY)), to = SYS(open(path, O_WRONLY | O_CREAT | O_EXCL, 0755));
    struct stat st;
    SYS(fstat(from, &st));
    CHECK(sendfile(to, from, NULL, (size_t)st.st_size) == st.st_size, "short copy");
    SYS(close(from));
    SYS(close(to));
    return path;
}

static uint64_t sum(const char *path) {
    uint64_t result = 0;
    char block[4096];
    ssize_t n;
    int fd = SYS(open(path, O_RDONLY));
    while ((n = SYS(read(fd, block, sizeof block))) > 0)
        for (ssize_t i = 0; i < n; i++) result = result * 31 + (unsigned char)block[i];
    SYS(close(fd));
    return result;
}

/* On pages of its own, which nobody has read before the dump. */
__attribute__((aligned(8192), noinline)) static int untouched(int x) {
    asm volatile(".skip 8192, 0x90");
    return x + 1;
}

int main(int argc, char **argv) {
    if (argc == 2) {
        testee_init(argc, argv);
        char *args[] = {argv[0], argv[1], "again", NULL};
        execv(copy("exe"), args);
        return 2;
    }
    if (argc == 4) { /* the child */
        while (access(argv[3], F_OK)) testee_sleep_ms(5);
        return untouched(6);
    }
    testee_init(2, argv);
    char *path = testee_path("exe"), *next = testee_path("next"), *go_on = testee_path("go-on"), link[4096] = "", was[4096] = "";
    char *args[] = {argv[0], argv[1], "child", go_on, NULL}, *its = copy("its");
    unlink(go_on);
    pid_t pid = SYS(fork());
    if (!pid) {
        execv(its, args);
        _exit(3);
    }
    char *link_of;
    SYS(asprintf(&link_of, "/proc/%d/exe", pid));
    do SYS(readlink(link_of, link, sizeof link - 1));
    while (strcmp(link, its));
    SYS(unlink(its));
    int fd = SYS(open(next, O_WRONLY | O_CREAT | O_EXCL, 0755));
    SYS(write(fd, "#!/bin/true\n", 12));
    SYS(close(fd));
    SYS(rename(next, path));
    SYS(readlink("/proc/self/exe", was, sizeof was - 1));
    CHECK(!strncmp(was, path, strlen(path)) && strstr(was, " (deleted)"), "exe is %s", was);
    uint64_t before = sum("/proc/self/exe");
    struct stat old, now;
    /* the name in /proc becomes another: the old one is taken */
    SYS(close(SYS(open(testee_path("changing"), O_CREAT | O_WRONLY, 0600))));
    testee_ready();
    testee_wait();
    CHECK(sum("/proc/self/exe") == before && sum(link_of) == before, "another executable");
    SYS(stat("/proc/self/exe", &old));
    SYS(stat(path, &now));
    CHECK(old.st_nlink == 0 && old.st_ino != now.st_ino && now.st_size == 12, "links %d, the new one has %ld bytes", (int)old.st_nlink, (long)now.st_size);
    CHECK(untouched(41) == 42, "other code");
    SYS(close(SYS(open(go_on, O_WRONLY | O_CREAT, 0600))));
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "the child ended with %#x", status);
    testee_pass();
}
