/* Deleted directories: as working directory, as a descriptor, with a deleted file in them. */
#include "testee.h"

static volatile int *go_on;
static int child(void *arg) {
    if (chdir(arg) || rmdir(arg)) return 1;
    go_on[1] = 1;
    while (!*go_on) testee_sleep_ms(2);
    char now[512];
    struct stat st;
    if (getcwd(now, sizeof now) || errno != ENOENT) return 2;
    if (stat(".", &st) || (st.st_mode & 07777) != 0750) return 3;
    return open("new", O_CREAT | O_WRONLY, 0600) >= 0 || errno != ENOENT ? 4 : 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    umask(0);
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *its = testee_path("its"), *outer = testee_path("outer"), *inner, *file;
    SYS(mkdir(its, 0750));
    pid_t pid = testee_child(child, its);
    testee_await(&go_on[1], "the child");
    SYS(mkdir(outer, 0755));
    SYS(asprintf(&inner, "%s/inner", outer));
    SYS(mkdir(inner, 0711));
    SYS(asprintf(&file, "%s/file", inner));
    int fd = SYS(open(file, O_RDWR | O_CREAT, 0600)), dir = SYS(open(inner, O_RDONLY | O_DIRECTORY));
    int path = SYS(open(inner, O_PATH | O_DIRECTORY));
    SYS(write(fd, "deep", 4));
    SYS(unlink(file));
    SYS(rmdir(inner));
    SYS(rmdir(outer));
    testee_ready();
    testee_wait();
    CHECK(access(its, F_OK) && access(outer, F_OK), "a deleted directory has a name");
    char text[8] = {0};
    CHECK(pread(fd, text, 7, 0) == 4 && !strcmp(text, "deep"), "the file reads %s", text);
    struct stat st, same;
    SYS(fstat(dir, &st));
    SYS(fstat(path, &same));
    CHECK(st.st_ino == same.st_ino, "the two descriptors lead to two directories");
    CHECK(S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0711, "mode %o", st.st_mode);
    CHECK(openat(dir, "x", O_CREAT | O_WRONLY, 0600) < 0 && errno == ENOENT, "a file in it: %s", strerror(errno));
    *go_on = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child: status %x", status);
    testee_pass();
}
