/* Memory written before and after each fork of a chain of five: everyone keeps what it wrote. */
#include "testee.h"

enum { DEPTH = 5, PAGES = 40 };
static char *m;

static int link_of_chain(void *level_) {
    size_t level = (size_t)level_;
    testee_listen();
    pid_t pid = 0;
    for (size_t i = level; i < PAGES; i += DEPTH) testee_fill(m + i * PAGE, PAGE, level * 1000 + i);
    if (level + 1 < DEPTH) pid = testee_child(link_of_chain, (void *)(level + 1));
    m[0] = (char)('a' + level);
    testee_wait();
    if (m[0] != (char)('a' + level)) return 10;
    /* What each ancestor wrote last to its pages, before it made us. */
    for (size_t i = 1; i < PAGES; i++) {
        size_t writer = i % DEPTH;
        if (writer <= level) {
            char expected[PAGE];
            testee_fill(expected, PAGE, writer * 1000 + i);
            if (memcmp(expected, m + i * PAGE, PAGE)) return 12;
        } else if (m[i * PAGE]) {
            return 13;
        }
    }
    if (pid) testee_reap(pid, 0);
    return 0;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    m = SYS((char *)mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    pid_t pid = testee_child(link_of_chain, NULL);
    testee_sleep_ms(300);
    testee_ready();
    testee_wait();
    testee_reap(pid, 0);
    CHECK(m[0] == 0, "the root's page was written by a child");
    testee_pass();
}
