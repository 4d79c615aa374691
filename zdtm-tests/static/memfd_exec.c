/* A memfd that runs while a descriptor and a mapping can write to it, and one that is run only later. */
#include <sys/prctl.h>
#include "testee.h"

extern char **environ;

/* The program again, in a memfd, with a page of data behind it. */
static int copy_of_self(const char *name, off_t *end) {
    int from = SYS(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), to = SYS(memfd_create(name, 0));
    struct stat st;
    SYS(fstat(from, &st));
    char *bytes = SYS((char *)mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, from, 0));
    CHECK(write(to, bytes, st.st_size) == st.st_size, "the copy is cut");
    SYS(munmap(bytes, st.st_size));
    SYS(close(from));
    *end = (st.st_size + PAGE - 1) & -PAGE;
    SYS(ftruncate(to, *end + PAGE));
    return to;
}

/* In the memfd: fails by its exit status, for it has no file to say why. */
static int inside(int fd, off_t end) {
    testee_listen();
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, end);
    if (page == MAP_FAILED || fcntl(fd, F_SETFL, O_APPEND) || lseek(fd, end, SEEK_SET) != end) return 1;
    strcpy(page, "up");
    testee_wait();
    char link[64], text[64] = {0};
    if (readlink("/proc/self/exe", text, sizeof text - 1) < 0 || strcmp(text, "/memfd:runs (deleted)")) return 2;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (open(link, O_RDWR) >= 0 || errno != ETXTBSY) return 3;
    if ((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND)) != (O_RDWR | O_APPEND)) return 4;
    if (lseek(fd, 0, SEEK_CUR) != end) return 5;
    strcpy(page, "changed");
    if (pread(fd, text, 8, end) != 8 || strcmp(text, "changed")) return 6;
    if (fcntl(fd, F_SETFL, 0) || pwrite(fd, "written", 8, end) != 8 || strcmp(page, "written")) return 7;
    return 0;
}

int main(int argc, char **argv) {
    if (!strcmp(argv[0], "inside")) return inside(atoi(argv[1]), atol(argv[2]));
    testee_init(argc, argv);
    off_t end;
    int runs = copy_of_self("runs", &end), later = copy_of_self("later", &end);
    char *page = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, runs, end));
    char fd_text[16], end_text[16];
    snprintf(fd_text, sizeof fd_text, "%d", runs);
    snprintf(end_text, sizeof end_text, "%ld", (long)end);
    pid_t child = SYS(fork());
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fexecve(runs, (char *[]){"inside", fd_text, end_text, NULL}, environ);
        _exit(9);
    }
    for (int i = 0; i < 10000 && strcmp(page, "up"); i++) testee_sleep_ms(1);
    CHECK(!strcmp(page, "up"), "the memfd does not run");
    testee_ready();
    testee_wait();
    testee_reap(child, 0);
    CHECK(!strcmp(page, "written"), "the parent reads %s", page);
    SYS(munmap(page, PAGE));
    child = SYS(fork());
    if (child == 0) {
        fexecve(later, (char *[]){"inside", "-1", "0", NULL}, environ);
        _exit(100 + errno);
    }
    int status;
    SYS(waitpid(child, &status, 0));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1, "the other one does not run: %#x", status);
    testee_pass();
}
