/* memfd: names with odd characters and of 249 bytes, modes, and every seal, with writers from before. */
#include "testee.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#define MFD_EXEC 16U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

int main(int argc, char **argv) {
    testee_init(argc, argv);
    char longest[250], name[300], want[300];
    memset(longest, 'x', 249);
    longest[249] = 0;
    const char *names[] = {"", "a b (deleted)", "tab\tand/slash: [stack]", longest};
    int fds[4];
    for (int i = 0; i < 4; i++) {
        fds[i] = SYS(memfd_create(names[i], MFD_CLOEXEC));
        SYS(write(fds[i], "content", 7));
    }
    int no_exec = memfd_create("no exec", MFD_NOEXEC_SEAL);
    int can_exec = memfd_create("exec", MFD_EXEC);
    SYS(fchmod(fds[1], 0600));
    int future = SYS(memfd_create("future", MFD_ALLOW_SEALING));
    SYS(ftruncate(future, PAGE));
    char *m = SYS((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0));
    strcpy(m, "written before");
    SYS(fcntl(future, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL));
    testee_ready();
    testee_wait();
    for (int i = 0; i < 4; i++) {
        char link[64], text[8] = {0};
        snprintf(link, sizeof link, "/proc/self/fd/%d", fds[i]);
        ssize_t n = SYS(readlink(link, name, sizeof name - 1));
        name[n] = 0;
        snprintf(want, sizeof want, "/memfd:%s (deleted)", names[i]);
        CHECK(!strcmp(name, want), "name %s, not %s", name, want);
        CHECK(pread(fds[i], text, 7, 0) == 7 && !strcmp(text, "content"), "%s reads %s", name, text);
        CHECK(SYS(fcntl(fds[i], F_GET_SEALS)) == F_SEAL_SEAL, "seals of %s differ", name);
    }
    struct stat st;
    SYS(fstat(fds[1], &st));
    CHECK((st.st_mode & 07777) == 0600, "mode %o", st.st_mode);
    if (no_exec >= 0) {
        SYS(fstat(no_exec, &st));
        CHECK((st.st_mode & 0111) == 0, "mode %o without exec", st.st_mode);
        CHECK(fchmod(no_exec, 0777) && errno == EPERM, "it can be made executable");
        SYS(fstat(can_exec, &st));
        CHECK((st.st_mode & 0111) == 0111, "mode %o with exec", st.st_mode);
    }
    CHECK(!strcmp(m, "written before"), "the mapping reads %s", m);
    strcpy(m, "and after");
    CHECK(SYS(fcntl(future, F_GET_SEALS)) == (F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL), "seals differ");
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, future, 0) == MAP_FAILED, "a new writer is let in");
    testee_pass();
}
