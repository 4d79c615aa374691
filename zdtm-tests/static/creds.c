/* Real, effective, saved and file-system ids, groups, and the keep-caps securebits of another user. */
#include <grp.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include "testee.h"

int main(int argc, char **argv) {
    testee_init(argc, argv);
    if (geteuid() != 0) testee_skip("needs root");
    gid_t groups[] = {1001, 2002, 65000}, now[8];
    SYS(setgroups(3, groups));
    SYS(setresgid(1000, 1004, 1005));
    SYS(setresuid(1000, 1001, 1002));
    testee_ready();
    testee_wait();
    uid_t r, e, s;
    SYS(getresuid(&r, &e, &s));
    CHECK(r == 1000 && e == 1001 && s == 1002 && setfsuid(-1) == 1001, "uids %u %u %u", r, e, s);
    SYS(getresgid(&r, &e, &s));
    CHECK(r == 1000 && e == 1004 && s == 1005 && setfsgid(-1) == 1004, "gids %u %u %u", r, e, s);
    int n = SYS(getgroups(8, now));
    CHECK(n == 3 && !memcmp(groups, now, sizeof groups), "%d groups, the first is %u", n, now[0]);
    CHECK(setuid(0) < 0 && errno == EPERM, "it can become root");
    CHECK(prctl(PR_GET_DUMPABLE) == 0, "dumpable is %d", prctl(PR_GET_DUMPABLE));
    testee_pass();
}
