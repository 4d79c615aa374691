/* One anonymous shared object mapped twice, once more in part, and by a child: still one object. */
#include "testee.h"

#define SIZE (32 * PAGE)
static char *first, *second, *part;

static int child(void *unused) {
    (void)unused;
    testee_listen();
    testee_wait();
    if (memcmp(part, "parent", 6)) return 1;
    memcpy(second + PAGE, "child", 5);
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    first = SYS((char *)mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    second = SYS((char *)mremap(first, 0, SIZE, MREMAP_MAYMOVE));
    part = SYS((char *)mremap(first + 8 * PAGE, 0, 4 * PAGE, MREMAP_MAYMOVE));
    testee_fill(first, SIZE, 31);
    pid_t pid = testee_child(child, NULL);
    testee_ready();
    testee_wait();
    CHECK(testee_differs(second, SIZE, 31) < 0, "contents differ");
    memcpy(first + 8 * PAGE, "parent", 6);
    CHECK(!memcmp(second + 8 * PAGE, "parent", 6), "the second mapping is another object");
    CHECK(!memcmp(part, "parent", 6), "the mapping of a part is another object");
    testee_reap(pid, 0);
    CHECK(!memcmp(first + PAGE, "child", 5), "the child has another object");
    testee_pass();
}
