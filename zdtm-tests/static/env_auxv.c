/* The auxiliary vector as /proc and getauxval show it, the environment after setenv, offsets of the time namespace. */
#include <sys/auxv.h>
#include "testee.h"

static size_t slurp(const char *path, char *into, size_t room) {
    int fd = SYS(open(path, O_RDONLY));
    size_t n = 0;
    ssize_t one;
    while ((one = SYS(read(fd, into + n, room - n))) > 0) n += (size_t)one;
    close(fd);
    return n;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    static char before[4096], after[4096], environ_before[65536], environ_after[65536], offsets[2][256];
    SYS(setenv("JCRIU_TEST", "set while running", 1));
    size_t n = slurp("/proc/self/auxv", before, sizeof before);
    size_t e = slurp("/proc/self/environ", environ_before, sizeof environ_before);
    int timens = access("/proc/self/timens_offsets", F_OK) == 0;
    if (timens) slurp("/proc/self/timens_offsets", offsets[0], sizeof offsets[0]);
    unsigned long random = getauxval(AT_RANDOM), vdso = getauxval(AT_SYSINFO_EHDR);
    unsigned char bytes[16];
    memcpy(bytes, (void *)random, 16);
    testee_ready();
    testee_wait();
    CHECK(slurp("/proc/self/auxv", after, sizeof after) == n && !memcmp(before, after, n), "auxv differs");
    CHECK(slurp("/proc/self/environ", environ_after, sizeof environ_after) == e &&
              !memcmp(environ_before, environ_after, e), "environ differs");
    if (timens) slurp("/proc/self/timens_offsets", offsets[1], sizeof offsets[1]);
    CHECK(!strcmp(offsets[0], offsets[1]), "time namespace offsets %s, not %s", offsets[1], offsets[0]);
    CHECK(getauxval(AT_RANDOM) == random && !memcmp(bytes, (void *)random, 16), "AT_RANDOM differs");
    CHECK(!memcmp((void *)vdso, "\177ELF", 4), "AT_SYSINFO_EHDR points to no ELF file");
    CHECK(!strcmp(getenv("JCRIU_TEST"), "set while running"), "the environment is %s", getenv("JCRIU_TEST"));
    testee_pass();
}
