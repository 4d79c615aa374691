/* Threads that left the directories of their process (unshare CLONE_FS): own cwd, umask, root; two share theirs. */
#include <pthread.h>
#include <sched.h>
#include "testee.h"

enum { OWN, HEIR, DELETED, ROOTED, COUNT };
static const mode_t masks[COUNT] = {037, 037, 0, 077};
static char *paths[COUNT];
static volatile int set, moved, go_on[COUNT];
static int root;

static void here(int i, const char *expected) {
    char now[4096];
    CHECK(getcwd(now, sizeof now) && !strcmp(now, expected), "thread %d is in %s, not in %s", i, now, expected);
    mode_t mask = umask(masks[i]);
    CHECK(mask == masks[i], "thread %d has the umask %o, not %o", i, mask, masks[i]);
}

static void wait_for(int i) {
    __sync_fetch_and_add(&set, 1);
    while (!go_on[i]) testee_sleep_ms(5);
}

static void *heir(void *unused) {
    (void)unused;
    wait_for(HEIR);
    here(HEIR, paths[OWN]);
    SYS(chdir(paths[HEIR])); /* for both */
    moved = 1;
    return NULL;
}

static void *run(void *arg) {
    int i = (int)(long)arg;
    pthread_t thread;
    SYS(unshare(CLONE_FS));
    SYS(chdir(paths[i]));
    umask(masks[i]);
    if (i == OWN) PT(pthread_create(&thread, NULL, heir, NULL));
    if (i == DELETED) SYS(rmdir(paths[i]));
    if (i == ROOTED && root) SYS(chroot("."));
    wait_for(i);
    switch (i) {
    case OWN:
        PT(pthread_join(thread, NULL));
        here(i, paths[HEIR]);
        break;
    case DELETED: {
        struct stat stat;
        SYS(lstat(".", &stat));
        CHECK(S_ISDIR(stat.st_mode) && stat.st_nlink == 0, "the deleted directory has %d links", (int)stat.st_nlink);
        CHECK(umask(0) == 0, "another umask");
        break;
    }
    case ROOTED:
        here(i, root ? "/" : paths[i]);
        if (root) CHECK(access("/proc", F_OK) < 0, "the old root is there");
        break;
    }
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    root = geteuid() == 0;
    pthread_t threads[COUNT];
    const char *names[COUNT] = {"own", "heir", "deleted", "rooted"};
    for (int i = 0; i < COUNT; i++) {
        paths[i] = testee_path(names[i]);
        SYS(mkdir(paths[i], 0777));
    }
    SYS(chdir("/"));
    umask(022);
    for (int i = 0; i < COUNT; i++)
        if (i != HEIR) PT(pthread_create(&threads[i], NULL, run, (void *)(long)i));
    while (set < COUNT) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    go_on[HEIR] = 1;
    testee_await(&moved, "the thread that shares");
    for (int i = 0; i < COUNT; i++) go_on[i] = 1;
    for (int i = 0; i < COUNT; i++)
        if (i != HEIR) PT(pthread_join(threads[i], NULL));
    char now[4096];
    CHECK(getcwd(now, sizeof now) && !strcmp(now, "/"), "the process is in %s", now);
    CHECK(umask(0) == 022, "the process has another umask");
    testee_pass();
}
