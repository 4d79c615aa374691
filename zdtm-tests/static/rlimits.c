/* Lowered resource limits, soft and hard. */
#include <sys/resource.h>
#include "testee.h"

static const struct {
    int what;
    rlim_t soft, hard;
} limits[] = {
    {RLIMIT_NOFILE, 123, 456},        {RLIMIT_CORE, 0, 1 << 20},        {RLIMIT_STACK, 4 << 20, 64 << 20},
    {RLIMIT_CPU, 5000, 6000},         {RLIMIT_FSIZE, 1 << 24, 1 << 25}, {RLIMIT_AS, 1UL << 38, 1UL << 39},
    {RLIMIT_SIGPENDING, 50, 60},      {RLIMIT_MEMLOCK, 65536, 65536},   {RLIMIT_NPROC, 4000, 5000},
};

int main(int argc, char **argv) {
    testee_init(argc, argv);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit l = {limits[i].soft, limits[i].hard};
        SYS(setrlimit(limits[i].what, &l));
    }
    testee_ready();
    testee_wait();
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit l;
        SYS(getrlimit(limits[i].what, &l));
        CHECK(l.rlim_cur == limits[i].soft && l.rlim_max == limits[i].hard, "limit %d is %lu of %lu",
              limits[i].what, l.rlim_cur, l.rlim_max);
    }
    signal(SIGXFSZ, SIG_IGN);
    int fd = SYS(open(testee_path("data"), O_RDWR | O_CREAT, 0600));
    CHECK(pwrite(fd, "x", 1, 1 << 24) < 0 && errno == EFBIG, "the file size limit does not hold");
    testee_pass();
}
