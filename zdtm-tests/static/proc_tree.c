/* Three levels of tasks; sessions and process groups of their own; one orphaned into the reaper. */
#include <sys/prctl.h>
#include "testee.h"

struct ids {
    pid_t pid, ppid, pgid, sid;
};
static struct {
    struct ids ids[8];
    volatile int set, go_on, bad, checked;
} *s;

static int check(int i) {
    struct ids *w = &s->ids[i];
    int ok = getpid() == w->pid && getppid() == w->ppid && getpgid(0) == w->pgid && getsid(0) == w->sid;
    if (!ok) s->bad = i + 1;
    __sync_fetch_and_add(&s->checked, 1);
    return ok;
}

static void note(int i) {
    s->ids[i] = (struct ids){getpid(), getppid(), getpgid(0), getsid(0)};
    __sync_fetch_and_add(&s->set, 1);
    while (!s->go_on) testee_sleep_ms(3);
}

static int leaf(void *arg) {
    int i = (int)(long)arg;
    if (i % 2) setpgid(0, 0);
    note(i);
    return !check(i);
}

static int middle(void *arg) {
    int i = (int)(long)arg, status, bad = 0;
    if (i == 1) setsid();
    if (i == 4) setpgid(0, 0);
    pid_t a = testee_child(leaf, (void *)(long)(i + 1)), b = testee_child(leaf, (void *)(long)(i + 2));
    note(i);
    bad |= !check(i);
    while (s->checked < 7) testee_sleep_ms(3);
    waitpid(a, &status, 0);
    bad |= status;
    waitpid(b, &status, 0);
    return bad | status;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    s = SYS((__typeof__(s))mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t a = testee_child(middle, (void *)1), b = testee_child(middle, (void *)4);
    while (s->set < 6) testee_sleep_ms(1);
    s->ids[0] = (struct ids){getpid(), 0, getpgid(0), getsid(0)};
    testee_ready();
    testee_wait();
    CHECK(getpgid(0) == s->ids[0].pgid && getsid(0) == s->ids[0].sid && getpid() == s->ids[0].pid,
          "the root's group is %d, its session %d", getpgid(0), getsid(0));
    s->checked = 1;
    s->go_on = 1;
    int status_a, status_b;
    CHECK(waitpid(a, &status_a, 0) == a && waitpid(b, &status_b, 0) == b, "waitpid: %s", strerror(errno));
    CHECK(!s->bad && !status_a && !status_b, "task %d differs", s->bad - 1);
    testee_pass();
}
