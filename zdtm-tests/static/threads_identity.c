/* Credentials, capability sets, securebits, timer slack and names that each thread has of its own. */
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sys/prctl.h>
#include "testee.h"

enum { COUNT = 6 };
struct identity {
    uid_t uids[3];
    gid_t gids[3], groups[4];
    int group_count, securebits, slack, no_new_privs, ambient, bounded;
    struct __user_cap_data_struct caps[2];
    char name[16];
};
static volatile int set, go_on;

static void take(struct identity *now) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    memset(now, 0, sizeof *now);
    SYS(syscall(SYS_getresuid, &now->uids[0], &now->uids[1], &now->uids[2]));
    SYS(syscall(SYS_getresgid, &now->gids[0], &now->gids[1], &now->gids[2]));
    now->group_count = SYS(syscall(SYS_getgroups, 4, now->groups));
    SYS(syscall(SYS_capget, &header, now->caps));
    now->securebits = SYS(prctl(PR_GET_SECUREBITS));
    now->slack = SYS(prctl(PR_GET_TIMERSLACK));
    now->no_new_privs = SYS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    now->ambient = SYS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
    now->bounded = SYS(prctl(PR_CAPBSET_READ, CAP_SYS_BOOT, 0, 0, 0));
    SYS(prctl(PR_GET_NAME, now->name));
}

static void change(int i) {
    char name[16];
    snprintf(name, sizeof name, "thread (%d) x", i);
    SYS(prctl(PR_SET_NAME, name));
    SYS(prctl(PR_SET_TIMERSLACK, 60000 + i));
    gid_t groups[] = {7000, 7001, 7002};
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct caps[2];
    switch (i) {
    case 1: /* another user, without privileges */
        SYS(syscall(SYS_setgroups, 3, groups));
        SYS(syscall(SYS_setresgid, 7100, 7101, 7102));
        SYS(syscall(SYS_setresuid, 7200, 7201, 7202));
        break;
    case 2: /* another effective user only, as a server that acts for its client */
        SYS(syscall(SYS_setresuid, -1, 7300, -1));
        break;
    case 3: /* another user that kept a capability */
        SYS(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NO_SETUID_FIXUP | SECBIT_NOROOT));
        SYS(prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0));
        SYS(syscall(SYS_setresuid, 7400, 7400, 7400));
        SYS(syscall(SYS_capget, &header, caps));
        caps[0].permitted = caps[0].inheritable = caps[0].effective = 1U << CAP_KILL;
        caps[1].permitted = caps[1].inheritable = caps[1].effective = 0;
        SYS(syscall(SYS_capset, &header, caps));
        SYS(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
        break;
    case 4: /* root that cannot get more */
        SYS(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
        break;
    case 5: /* fsuid alone */
        SYS(syscall(SYS_setfsuid, 7500));
        break;
    }
}

static void *run(void *arg) {
    int i = (int)(long)arg;
    struct identity before, after;
    change(i);
    take(&before);
    __sync_fetch_and_add(&set, 1);
    while (!go_on) testee_sleep_ms(5);
    take(&after);
    CHECK(!memcmp(&before, &after, sizeof before),
          "thread %d: uids %d %d %d caps %#x %#x securebits %#x slack %d no_new_privs %d ambient %d bounded %d name %s",
          i, after.uids[0], after.uids[1], after.uids[2], after.caps[0].effective, after.caps[0].permitted,
          after.securebits, after.slack, after.no_new_privs, after.ambient, after.bounded, after.name);
    if (i == 5) CHECK(syscall(SYS_setfsuid, -1) == 7500, "fsuid differs");
    return NULL;
}

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (geteuid() != 0) testee_skip("needs root");
    pthread_t threads[COUNT];
    for (int i = 0; i < COUNT; i++) PT(pthread_create(&threads[i], NULL, run, (void *)(long)i));
    while (set < COUNT) testee_sleep_ms(1);
    testee_ready();
    testee_wait();
    go_on = 1;
    for (int i = 0; i < COUNT; i++) PT(pthread_join(threads[i], NULL));
    testee_pass();
}
