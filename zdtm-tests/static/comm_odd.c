/* Names that are hard to read back from /proc: parentheses, newlines, blanks, bytes that are no UTF-8. */
#include <pthread.h>
#include <sys/prctl.h>
#include "testee.h"

static const char *names[] = {"a) R 1 (b", ") Z 0 0 0", "line\nbreak", "\xff\xfe \x80", "", "  blanks  ", "tab\tend\t"};
enum { NAMES = sizeof names / sizeof *names };
static volatile int go, ready, bad;

static void *run(void *number_) {
    intptr_t n = (intptr_t)number_;
    char name[17] = "";
    SYS(prctl(PR_SET_NAME, names[n]));
    __sync_fetch_and_add(&ready, 1);
    while (!go) testee_sleep_ms(5);
    SYS(prctl(PR_GET_NAME, name));
    if (strcmp(name, names[n])) __sync_fetch_and_or(&bad, 1 << n);
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    pthread_t threads[NAMES];
    for (intptr_t i = 0; i < NAMES; i++) PT(pthread_create(&threads[i], NULL, run, (void *)i));
    SYS(prctl(PR_SET_NAME, "x) S 1 (\ny\xe4"));
    while (ready < NAMES) testee_sleep_ms(5);
    testee_ready();
    testee_wait();
    go = 1;
    for (int i = 0; i < NAMES; i++) PT(pthread_join(threads[i], NULL));
    char name[17] = "";
    SYS(prctl(PR_GET_NAME, name));
    CHECK(!strcmp(name, "x) S 1 (\ny\xe4"), "the leader is called %s", name);
    CHECK(!bad, "threads have other names: mask 0x%x", bad);
    testee_pass();
}
