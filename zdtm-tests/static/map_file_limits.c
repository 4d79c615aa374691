/* File mappings at their limits: past the end of the file, what mprotect may and may not do, deleted and truncated files. */
#include "testee.h"
#include <setjmp.h>

#define SIZE (8 * PAGE)

static sigjmp_buf back;
static volatile int caught;

static void fault(int signal) {
    caught = signal;
    siglongjmp(back, 1);
}

/* The signal that a read brings, or 0. */
static int reading(volatile char *at) {
    caught = 0;
    if (!sigsetjmp(back, 1)) (void)*at;
    return caught;
}

static int file(const char *suffix, size_t size, unsigned seed) {
    char *content = malloc(size), *path = testee_path(suffix);
    testee_fill(content, size, seed);
    int fd = SYS(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644));
    CHECK(write(fd, content, size) == (ssize_t)size, "cannot write %s", path);
    free(content);
    return fd;
}

static char *map(int fd, int prot, int flags) {
    return SYS((char *)mmap(NULL, SIZE, prot, flags, fd, 0));
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    signal(SIGSEGV, fault);
    signal(SIGBUS, fault);
    int fd = file("short", 3 * PAGE + 100, 1);
    char *shared = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    char *private = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    char *later = map(fd, PROT_NONE, MAP_SHARED);
    SYS(close(fd));
    int ro = SYS(open(testee_path("short"), O_RDONLY));
    char *ro_shared = map(ro, PROT_READ, MAP_SHARED);
    char *ro_private = map(ro, PROT_NONE, MAP_PRIVATE);
    SYS(close(ro));
    private[PAGE] = 'p';
    int cut = file("cut", SIZE, 2);
    char *cut_private = map(cut, PROT_READ | PROT_WRITE, MAP_PRIVATE);
    cut_private[0] = 'c';
    SYS(ftruncate(cut, PAGE));
    SYS(close(cut));
    int gone = file("gone", SIZE, 3);
    char *gone_private = map(gone, PROT_READ | PROT_WRITE, MAP_PRIVATE), *gone_shared = map(gone, PROT_READ | PROT_WRITE, MAP_SHARED);
    gone_private[5 * PAGE] = 'g';
    SYS(close(gone));
    SYS(unlink(testee_path("gone")));
    testee_ready();
    testee_wait();
    CHECK(!reading(shared + 3 * PAGE + 200) && shared[3 * PAGE + 200] == 0, "the rest of the last page is not zero");
    CHECK(reading(shared + 4 * PAGE) == SIGBUS, "past the end: signal %d of the shared one", caught);
    CHECK(reading(private + 4 * PAGE) == SIGBUS, "past the end: signal %d of the private one", caught);
    CHECK(private[PAGE] == 'p' && testee_differs(private, PAGE, 1) < 0, "the private copy differs");
    CHECK(reading(later) == SIGSEGV, "PROT_NONE can be read");
    SYS(mprotect(later, SIZE, PROT_READ | PROT_WRITE));
    later[2 * PAGE] = 's';
    CHECK(shared[2 * PAGE] == 's' && private[2 * PAGE] == 's', "mappings of one file are apart");
    CHECK(mprotect(ro_shared, SIZE, PROT_READ | PROT_WRITE) && errno == EACCES, "a read-only file can be written");
    SYS(mprotect(ro_private, SIZE, PROT_READ | PROT_WRITE));
    ro_private[0] = 'x';
    CHECK(ro_shared[0] != 'x', "a private write is seen in the file");
    CHECK(cut_private[0] == 'c' && reading(cut_private + PAGE) == SIGBUS, "the truncated file: signal %d", caught);
    CHECK(gone_private[5 * PAGE] == 'g' && testee_differs(gone_private, 5 * PAGE, 3) < 0, "the deleted file differs");
    gone_shared[0] = 'd';
    CHECK(gone_private[0] == 'd', "mappings of the deleted file are apart");
    testee_pass();
}
