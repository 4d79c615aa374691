/* Tasks in sessions that their parents were never in: of daemons, whose leader has ended (and been waited for or
 * not), of leaders that live, below a subreaper in the middle, too; and in a group whose leader has left it. */
#include <sys/prctl.h>
#include "testee.h"

enum { DAEMON, MATE, BORN, BORN_CHILD, ZOMBIE, OF_LIVING, LIVING, OF_DEEP, DEEP, OF_DEAD, DEAD, MIDDLE, LEFT, MEMBER, INNER, OF_INNER, COUNT };
static volatile struct {
    pid_t pid, parent, sid, group;
} *s;
static pid_t root;

static void is(int i) { s[i].pid = getpid(); }

static int sits(void *arg) {
    is((int)(long)arg);
    return testee_idle(NULL);
}

/* Ends at once, so that its child is an orphan. */
static int middle(void *arg) {
    testee_child(sits, arg);
    return 0;
}

static int zombie(void *unused) {
    (void)unused;
    is(ZOMBIE);
    return 5;
}

static int born(void *unused) {
    (void)unused;
    is(BORN_CHILD);
    return testee_idle(NULL);
}

/* A child while it is in the daemon's session; then its own. */
static int makes_session(void *unused) {
    testee_child(born, unused);
    while (!s[BORN_CHILD].pid) testee_sleep_ms(1);
    SYS(setsid());
    is(BORN);
    return testee_idle(NULL);
}

static int daemon_leader(void *unused) {
    SYS(setsid());
    testee_child(sits, (void *)DAEMON);
    pid_t mate = testee_child(sits, (void *)MATE);
    SYS(setpgid(mate, mate));
    testee_child(makes_session, unused);
    while (!s[DAEMON].pid || !s[MATE].pid || !s[BORN].pid) testee_sleep_ms(1);
    testee_child(zombie, NULL);
    while (!s[ZOMBIE].pid || testee_state(s[ZOMBIE].pid) != 'Z') testee_sleep_ms(1);
    return 0;
}

/* A leader whose child's child is an orphan. */
static int leader(void *arg) {
    int i = (int)(long)arg;
    SYS(setsid());
    is(i);
    SYS(waitpid(testee_child(middle, (void *)(long)(i - 1)), NULL, 0));
    while (!s[i - 1].pid) testee_sleep_ms(1);
    return i == DEAD ? 6 : testee_idle(NULL);
}

static int has_leader(void *unused) {
    testee_child(leader, (void *)DEEP);
    is(MIDDLE);
    return testee_idle(unused);
}

static int subreaper(void *unused) {
    SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
    is(INNER);
    pid_t pid = SYS(fork());
    if (!pid) {
        SYS(setsid());
        testee_child(sits, (void *)OF_INNER);
        while (!s[OF_INNER].pid) testee_sleep_ms(1);
        _exit(0);
    }
    SYS(waitpid(pid, NULL, 0));
    return testee_idle(unused);
}

static int leaves_group(void *unused) {
    SYS(setpgid(0, 0));
    testee_child(sits, (void *)MEMBER);
    while (!s[MEMBER].pid) testee_sleep_ms(1);
    SYS(setpgid(0, root));
    is(LEFT);
    return testee_idle(unused);
}

static pid_t parent_of(pid_t pid) {
    char path[64];
    int parent = -1;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *in = fopen(path, "re");
    CHECK(in && fscanf(in, "%*d (%*[^)]) %*c %d", &parent) == 1, "no %s", path);
    fclose(in);
    return parent;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    root = getpid();
    s = SYS((__typeof__(s))mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    SYS(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t dead = testee_child(leader, (void *)DEAD);
    SYS(waitpid(testee_child(daemon_leader, NULL), NULL, 0));
    testee_child(leader, (void *)LIVING);
    testee_child(has_leader, NULL);
    testee_child(subreaper, NULL);
    testee_child(leaves_group, NULL);
    for (int i = 0; i < COUNT; i++) testee_await((volatile int *)&s[i].pid, "a task");
    while (testee_state(dead) != 'Z') testee_sleep_ms(1);
    for (int i = 0; i < COUNT; i++) {
        while (i != BORN_CHILD && i != MEMBER && i != OF_INNER && i != DEEP && parent_of(s[i].pid) != root) testee_sleep_ms(1);
        s[i].parent = parent_of(s[i].pid);
        s[i].sid = getsid(s[i].pid);
        s[i].group = getpgid(s[i].pid);
    }
    while (parent_of(s[OF_INNER].pid) != s[INNER].pid) testee_sleep_ms(1);
    s[OF_INNER].parent = s[INNER].pid;
    CHECK(s[DAEMON].sid == s[MATE].sid && s[BORN_CHILD].sid == s[DAEMON].sid && s[ZOMBIE].sid == s[DAEMON].sid && s[OF_DEAD].sid == dead &&
              s[OF_DEEP].sid == s[DEEP].pid && s[MEMBER].group == s[LEFT].pid,
          "not the sessions that were to be");
    testee_ready();
    testee_wait();
    for (int i = 0; i < COUNT; i++)
        CHECK(parent_of(s[i].pid) == s[i].parent && getsid(s[i].pid) == s[i].sid && getpgid(s[i].pid) == s[i].group,
              "task %d: parent %d session %d group %d, not %d %d %d", i, parent_of(s[i].pid), getsid(s[i].pid), getpgid(s[i].pid), s[i].parent, s[i].sid,
              s[i].group);
    int status, is_reaper = 0;
    SYS(prctl(PR_GET_CHILD_SUBREAPER, &is_reaper));
    CHECK(is_reaper, "no subreaper any more");
    CHECK(waitpid(s[ZOMBIE].pid, &status, WNOHANG) == s[ZOMBIE].pid && WEXITSTATUS(status) == 5, "the orphaned zombie: %#x", status);
    CHECK(waitpid(dead, &status, WNOHANG) == dead && WEXITSTATUS(status) == 6, "the leader that is a zombie: %#x", status);
    CHECK(waitpid(-1, &status, WNOHANG) == 0, "a child that nobody knows ended with %#x", status);
    for (int i = 0; i < COUNT; i++)
        if (i != ZOMBIE && i != DEAD) SYS(kill(s[i].pid, SIGKILL));
    while (waitpid(-1, &status, 0) > 0) {}
    testee_pass();
}
