/* Another root directory; for a child one that is deleted. */
#include "testee.h"

static volatile int *go_on;
static int child(void *arg) {
    if (chroot(arg) || chdir("/")) return 1;
    go_on[1] = 1;
    while (!*go_on) testee_sleep_ms(2);
    struct stat root, here;
    if (stat("/", &root) || stat(".", &here) || root.st_ino != here.st_ino) return 2;
    return access("/etc", F_OK) == 0 ? 3 : 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (geteuid() != 0) testee_skip("needs root");
    go_on = SYS((volatile int *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char *its = testee_path("its"), *mine = testee_path("mine"), *file;
    SYS(mkdir(its, 0755));
    SYS(mkdir(mine, 0755));
    SYS(asprintf(&file, "%s/file", mine));
    SYS(close(SYS(open(file, O_CREAT | O_WRONLY, 0644))));
    pid_t pid = testee_child(child, its);
    testee_await(&go_on[1], "the child");
    SYS(rmdir(its));
    int back = SYS(open("/", O_RDONLY | O_DIRECTORY)), in = SYS(open(file, O_RDONLY));
    testee_ready();
    SYS(chroot(mine));
    SYS(chdir("/"));
    testee_wait();
    SYS(access("/file", F_OK));
    CHECK(access("/etc", F_OK), "the old root is there");
    struct stat st, same;
    SYS(fstat(in, &st));
    SYS(stat("/file", &same));
    CHECK(st.st_ino == same.st_ino, "the file is another");
    SYS(fchdir(back));
    SYS(chroot("."));
    *go_on = 1;
    int status;
    SYS(waitpid(pid, &status, 0));
    CHECK(status == 0, "the child: status %x", status);
    testee_pass();
}
